import type { IncomingMessage } from 'node:http';
import type { Room } from './room.ts';

/** Why a body was not read to its end. */
export class BodyRefusal extends Error {
  readonly why: 'too-large' | 'no-room' | 'too-slow' | 'gone';

  constructor(why: BodyRefusal['why']) {
    super(`the body was not read: ${why}`);
    this.why = why;
  }
}

interface BodyLimits {
  readonly bytesMax: number;
  readonly room: Room;
}

/** Longest that nothing of it may come. */
const SILENCE_MAX_MS = 30_000;

/** As it comes, bounded. Its caller gives the room back: `onBytes` tells what was taken. @throws BodyRefusal */
export async function* chunksOf(
  incoming: IncomingMessage,
  { bytesMax, room }: BodyLimits,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Buffer, void> {
  if (Number(incoming.headers['content-length'] ?? 0) > bytesMax) throw new BodyRefusal('too-large');
  let size = 0;
  const clock = watchSilence(incoming);
  try {
    // Left alive when this stops early: the answer goes over the same connection.
    for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
      const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
      clock.heard();
      size += bytes.length;
      if (size > bytesMax) throw new BodyRefusal('too-large');
      if (!room.take(bytes.length)) throw new BodyRefusal('no-room');
      onBytes(bytes.length);
      yield bytes;
    }
    if (!incoming.complete) throw new BodyRefusal('gone');
  } catch (error) {
    if (error instanceof BodyRefusal) throw error;
    throw incoming.destroyed && !incoming.complete
      ? new BodyRefusal(clock.isOver() ? 'too-slow' : 'gone')
      : error;
  } finally {
    clock.stop();
  }
}

/** Ends the connection of who sends nothing more. */
function watchSilence(incoming: IncomingMessage) {
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
    incoming.destroy();
  }, SILENCE_MAX_MS);
  return {
    heard: () => void timer.refresh(),
    isOver: () => isOver,
    stop: () => clearTimeout(timer),
  };
}

export async function wholeBody(
  incoming: IncomingMessage,
  limits: BodyLimits,
  onBytes: (bytes: number) => void,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of chunksOf(incoming, limits, onBytes)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
