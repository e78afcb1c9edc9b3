import { travellerOf } from './journey.ts';
import type { Memory } from './memory.ts';
import { writePayloads } from './payloads.ts';
import { readWaiting } from './read-waiting.ts';
import type { Sender } from './send.ts';
import type { Turn } from './turn.ts';
import type { Unit } from './waiting.ts';

interface GatherDeps {
  readonly turn: Turn;
  readonly sender: Sender;
  readonly options: { readonly batch: number; readonly window: number };
}

/** Of one store in the queue: while one is called, the next is at hand. */
const PER_STORE = 2;
/** Written down in one step. */
const STEP_BYTES = 8 * 1024 * 1024;

/** Has the stores' waiting sales travel, as many payloads as the queue has room for. */
export async function gather(
  { waiting, journey }: Memory,
  { turn, sender, options }: GatherDeps,
  { onlyFull }: { readonly onlyFull: boolean },
): Promise<void> {
  for (;;) {
    await feed(waiting, turn);
    const groups = choose({ waiting, journey }, { ...options, onlyFull });
    if (groups.length === 0) return;
    const payloads = await turn((tx) => writePayloads(tx, groups));
    for (const payload of payloads) journey.add(travellerOf(payload, Date.now()));
    await sender.send(payloads);
    for (const one of journey.unsent()) one.queue = 'waiting';
  }
}

async function feed(waiting: Memory['waiting'], turn: Turn): Promise<void> {
  for (let store = waiting.hungry(); store !== undefined; store = waiting.hungry()) {
    const { locationId, after } = store;
    const { units, more } = await turn((tx) => readWaiting(tx, locationId, after));
    waiting.fed(locationId, units, more);
  }
}

function choose(
  { waiting, journey }: Pick<Memory, 'waiting' | 'journey'>,
  { batch, window, onlyFull }: GatherDeps['options'] & { readonly onlyFull: boolean },
): Unit[][] {
  const inQueue = journey.inQueue();
  let free = window - [...inQueue.values()].reduce((sum, count) => sum + count, 0);
  const groups: Unit[][] = [];
  for (let bytes = 0; free > 0 && bytes < STEP_BYTES; free -= 1) {
    const units = waiting.next((locationId) => inQueue.get(locationId) ?? 0, {
      batch,
      perStore: PER_STORE,
      onlyFull,
    });
    const [first] = units ?? [];
    if (units === undefined || first === undefined) break;
    groups.push(units);
    inQueue.set(first.locationId, (inQueue.get(first.locationId) ?? 0) + 1);
    bytes += units.reduce((sum, unit) => sum + unit.bytes, 0);
  }
  return groups;
}
