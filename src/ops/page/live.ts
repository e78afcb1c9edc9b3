import type { Role } from '../auth.ts';
import {
  createFollowers,
  type Follower,
  type FollowersOptions,
  type Following,
  type Stream,
} from './followers.ts';
import type { Picture } from './html/overview.ts';

/** Sends what is to be seen to all who follow, once a second, and does nothing while nobody does. */
export interface Live {
  /** Null: there are too many, or too many of this browser; who asks now and then has the same. */
  follow(follower: Follower): ReadableStream<Uint8Array> | null;
  /** How many follow. */
  size(): number;
  /** Ends all streams. */
  close(): void;
}

export interface LiveOptions extends Partial<Omit<FollowersOptions, 'onLastLeft'>> {
  /** What there is to be seen now. Never rejects. */
  readonly look: (role: Role) => Promise<Picture>;
}

/** A little more than a look is shared for, so that none is missed. */
const TICK_MS = 1_010;
const RETRY_MS = 2_000;
const DEFAULTS = { followersMax: 1_000, unreadMaxBytes: 512 * 1024, longestMs: 900_000 };

export function createLive({ look, ...limits }: LiveOptions): Live {
  const ticker = createTicker(tick);
  const followers = createFollowers({ ...DEFAULTS, ...limits, onLastLeft: rest });
  const shown = new Map<Role, Picture>();
  let isClosed = false;

  function rest(): void {
    ticker.stop();
    shown.clear();
  }

  async function tick(): Promise<boolean> {
    for (const role of followers.roles()) send(role, await look(role));
    return followers.size() > 0;
  }

  function send(role: Role, picture: Picture): void {
    const news = encode(newsIn(picture, shown.get(role)));
    shown.set(role, picture);
    for (const one of followers.list()) {
      if (one.role !== role) continue;
      followers.push(one, one.isNew ? wholeOf(picture) : news);
      one.isNew = false;
    }
  }

  /** Its first picture comes at once, and again with the next tick: what the others saw last may be another one. */
  async function welcome(one: Following): Promise<void> {
    const picture = await look(one.role);
    followers.push(one, wholeOf(picture));
  }

  function admit(follower: Follower, stream: Stream): Following {
    stream.enqueue(encoder.encode(`retry: ${RETRY_MS}\n\n`));
    const one = followers.join(follower, stream);
    ticker.start();
    void welcome(one);
    return one;
  }

  return {
    follow(follower) {
      if (isClosed || !followers.hasRoomFor(follower.browser)) return null;
      return streamOf((stream) => {
        const one = admit(follower, stream);
        return () => followers.leave(one);
      });
    },
    size: followers.size,
    close() {
      isClosed = true;
      for (const one of followers.list()) followers.end(one);
    },
  };
}

/** `open` gives what is to be done once its reader has left. */
function streamOf(open: (stream: Stream) => () => void): ReadableStream<Uint8Array> {
  let left = (): void => undefined;
  return new ReadableStream<Uint8Array>(
    {
      start(stream) {
        left = open(stream);
      },
      cancel: () => left(),
    },
    { highWaterMark: 0, size: (chunk) => chunk.byteLength },
  );
}

/** One timer at most, and none while a tick is under way. */
function createTicker(tick: () => Promise<boolean>) {
  let timer: NodeJS.Timeout | undefined;
  let isTicking = false;

  async function run(): Promise<void> {
    timer = undefined;
    isTicking = true;
    const goesOn = await tick();
    isTicking = false;
    if (goesOn) start();
  }

  function start(): void {
    if (!isTicking) timer ??= setTimeout(() => void run(), TICK_MS);
  }

  return {
    start,
    stop(): void {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}

/** The sections that are not as they were. */
function newsIn(picture: Picture, before: Picture | undefined): Picture {
  if (before === undefined) return picture;
  const changed = Object.entries(picture.sections).filter(([id, content]) => content !== before.sections[id]);
  return { ...picture, sections: Object.fromEntries(changed) };
}

const encoder = new TextEncoder();
const wholes = new WeakMap<Picture, Uint8Array>();

/** Encoded once for all. */
function wholeOf(picture: Picture): Uint8Array {
  const whole = wholes.get(picture) ?? encode(picture);
  wholes.set(picture, whole);
  return whole;
}

function encode(picture: Picture): Uint8Array {
  return encoder.encode(`data: ${JSON.stringify(picture)}\n\n`);
}
