import { chunksOf } from '../sync/producer/enqueuer.ts';
import type { Entry, JobAdder } from '../sync/producer/job-adder.ts';
import type { Journey, Traveller } from './journey.ts';
import { type Payload, readPayloads } from './payloads.ts';
import type { Turn } from './turn.ts';

/** Puts payloads into the queue. To do it again is safe: the same payload is the same job. */
export interface Sender {
  send(payloads: readonly Payload[]): Promise<void>;
  /** As one that was tried and has no known end; true: it is remembered as delivered, and nothing was added. */
  sendAgain(traveller: Traveller, inDoubtForMs: number): Promise<boolean>;
}

export function createSender(adder: JobAdder, read: (id: number) => Promise<Payload | undefined>): Sender {
  return {
    async send(payloads) {
      for (const chunk of chunksOf(payloads.map((payload) => entryOf(payload)))) await adder.add(chunk);
    },
    async sendAgain({ id }, inDoubtForMs) {
      const payload = await read(id);
      if (payload === undefined) return false;
      const [added] = await adder.add([{ ...entryOf(payload), inDoubtForMs }]);
      return added?.state === 'delivered';
    },
  };
}

/** Of several members: where it is refused, its halves are tried. */
function entryOf({ syncKey, json, members }: Payload): Entry {
  return { name: 'push_sales', jobId: syncKey, json, ...(members.length > 1 && { splits: true }) };
}

const AT_ONCE = 100;

/** What was written down and has yet to be enqueued: the halves of a split, and what Redis refused. */
export async function sendUnsent(
  journey: Journey,
  { turn, sender }: { readonly turn: Turn; readonly sender: Sender },
): Promise<void> {
  const unsent = journey.unsent();
  for (let start = 0; start < unsent.length; start += AT_ONCE) {
    const some = unsent.slice(start, start + AT_ONCE);
    await sender.send(
      await turn((tx) =>
        readPayloads(
          tx,
          some.map(({ id }) => id),
        ),
      ),
    );
    for (const one of some) one.queue = 'waiting';
  }
}
