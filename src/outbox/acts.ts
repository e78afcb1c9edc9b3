import type { Queue } from 'bullmq';
import { sql } from 'drizzle-orm';
import type { Redis } from 'ioredis';
import type { Database, Transaction } from '../base/database.ts';
import type { Redactor } from '../base/redaction.ts';
import { createSpool, type Spool } from '../events/spool.ts';
import { createDeadLetters } from '../sync/dead-letters/dead-letters.ts';
import { operatorEvent, type Word } from '../sync/dead-letters/operator-event.ts';
import { actEvent } from './act-event.ts';
import { askQueue, lookInQueue, type QueueDeps } from './dead-verdicts.ts';
import { backIntoOutbox, discardLines, type LooseState, readLoose } from './loose-lines.ts';
import { type Act, checkNames, isNamed, readNamed, type SaleFilter } from './meant.ts';
import { createTally, type Outcome, type Tally } from './tally.ts';
import { tellOfTheRest } from './the-rest.ts';
import {
  type Decision,
  decide,
  discardPayloads,
  readPayloads,
  reopenPayloads,
  type UnsettledPayload,
} from './unsettled-payloads.ts';

/**
 * What people do about sales, beside a relay at work: each page of an act is one transaction that locks what it
 * changes and looks again. It is in the audit trail before it is committed; with Redis away nothing is done.
 */
export interface OutboxActs {
  /** Once more: into the outbox, the queue, or a relay's hands. @throws AmbiguousSaleError */
  release(filter: SaleFilter, word: Word): Promise<Outcome>;
  /** For good. @throws AmbiguousSaleError */
  discard(filter: SaleFilter, word: Word): Promise<Outcome>;
  /** Lets the relays go on; gives what they waited for, or null where they did not wait. */
  releaseRelays(word: Word): Promise<string | null>;
}

interface ActsDeps {
  readonly database: Database;
  readonly redis: Redis;
  /** Over the same connection. */
  readonly queue: Queue;
  readonly namespace: string;
  readonly redact: Redactor;
}

interface Setting extends QueueDeps {
  readonly audit: Spool;
}

/** One act as it goes. */
interface Doing {
  readonly act: Act;
  readonly filter: SaleFilter;
  readonly word: Word;
  readonly tally: Tally;
}

export function createOutboxActs({ database, ...deps }: ActsDeps): OutboxActs {
  const setting = { ...deps, letters: createDeadLetters(deps), audit: createSpool(deps) };

  async function perform(act: Act, filter: SaleFilter, word: Word): Promise<Outcome> {
    await checkedNames(database, filter);
    const tally = createTally({ remember: isNamed(filter) });
    const doing = { act, filter, word, tally };
    for (const state of looseStates(act, filter)) {
      await everyPage((after) => beside(database, (tx) => actOnLines(tx, setting, doing, state, after)));
    }
    await everyPage((after) => beside(database, (tx) => actOnPayloads(tx, setting, doing, after)));
    if (isNamed(filter)) await database.read((tx) => tellOfTheRest(tx, act, filter, tally));
    return tally.outcome();
  }

  return {
    release: (filter, word) => perform('release', filter, word),
    discard: (filter, word) => perform('discard', filter, word),
    releaseRelays: ({ actor, reason }) =>
      beside(database, async (tx) => {
        const [row] = await tx.execute<{ held: string }>(
          sql`select held from conexxus.relay where held is not null for update`,
        );
        if (row === undefined) return null;
        const { held } = row;
        await setting.audit.append(operatorEvent(actor, 'outbox.release', 'outbox', { reason, held }));
        await tx.execute(sql`update conexxus.relay set held = null, released_at = now()`);
        return held;
      }),
  };
}

/** Why the relays wait for a person; null: they do not. */
export async function readHeld(tx: Transaction): Promise<string | null> {
  const [row] = await tx.execute<{ held: string | null }>(sql`select held from conexxus.relay`);
  return row?.held ?? null;
}

/**
 * Between two steps of the relay at work, which locks this row first too, and reads again what it remembers when
 * the number is another one.
 */
function beside<Result>(database: Database, work: (tx: Transaction) => Promise<Result>): Promise<Result> {
  return database.write(async (tx) => {
    await tx.execute(sql`update conexxus.relay set acts = acts + 1`);
    return work(tx);
  });
}

/**
 * What an act would do, as far as Postgres knows: a dead letter that somebody replayed is known to the queue.
 * @throws AmbiguousSaleError
 */
export async function rehearse(database: Database, act: Act, filter: SaleFilter): Promise<Outcome> {
  await checkedNames(database, filter);
  const tally = createTally({ remember: isNamed(filter) });
  await database.read(async (tx) => {
    for (const state of looseStates(act, filter)) {
      await everyPage(async (after) => {
        const lines = await readLoose(tx, state, filter, after, false);
        const [replaced, others] = parted(lines, (line) => act === 'release' && line.replaced);
        tally.refuse('replaced', replaced);
        tally.did(state, others);
        return lines.at(-1)?.line;
      });
    }
    await everyPage(async (after) => {
      const payloads = await readPayloads(tx, filter, after, false);
      for (const payload of payloads) {
        const decision = decide(act, payload);
        if (decision.kind === 'refuse') refuse(tally, payload, decision);
        else count(tally, payload);
      }
      return payloads.at(-1)?.id;
    });
    if (isNamed(filter)) await tellOfTheRest(tx, act, filter, tally);
  });
  return tally.outcome();
}

async function checkedNames(database: Database, filter: SaleFilter): Promise<void> {
  if (isNamed(filter)) checkNames(await database.read((tx) => readNamed(tx, filter)), filter);
}

/** What waits needs no release. */
function looseStates(act: Act, { state }: SaleFilter): LooseState[] {
  const states: LooseState[] = act === 'discard' ? ['waiting', 'apart'] : ['apart'];
  return states.filter((each) => state === undefined || state === each);
}

/** `page` gives what the next one begins after; undefined: there is none. */
async function everyPage(page: (after: string) => Promise<string | undefined>): Promise<void> {
  for (let after: string | undefined = '0'; after !== undefined; ) after = await page(after);
}

async function actOnLines(
  tx: Transaction,
  { audit }: Setting,
  { act, filter, word, tally }: Doing,
  state: LooseState,
  after: string,
): Promise<string | undefined> {
  const lines = await readLoose(tx, state, filter, after, true);
  const [replaced, others] = parted(lines, (line) => act === 'release' && line.replaced);
  const unreadable = act === 'release' ? await backIntoOutbox(tx, others) : [];
  const done = others.filter((line) => !unreadable.includes(line));
  if (done.length > 0) await audit.append(actEvent(act, word, filter, done));
  const ids = done.map(({ line }) => line);
  if (act === 'discard') await discardLines(tx, ids, reasonOf(word));
  tally.refuse('replaced', replaced);
  tally.refuse('unreadable', unreadable);
  tally.did(state, done);
  return lines.at(-1)?.line;
}

async function actOnPayloads(
  tx: Transaction,
  setting: Setting,
  { act, filter, word, tally }: Doing,
  after: string,
): Promise<string | undefined> {
  const payloads = await readPayloads(tx, filter, after, true);
  const decided = payloads.map((payload) => ({ payload, decision: decide(act, payload) }));
  const keysTo = (kind: Decision['kind']) =>
    decided.filter(({ decision }) => decision.kind === kind).map(({ payload }) => payload.syncKey);
  const verdicts = new Map([
    ...(await askQueue(setting, act, keysTo('ask-queue'), word)),
    ...(await lookInQueue(setting, keysTo('if-gone'))),
  ]);
  const [done, ours]: [UnsettledPayload[], UnsettledPayload[]] = [[], []];
  for (const { payload, decision } of decided) {
    const verdict = verdicts.get(payload.syncKey) ?? decision;
    if (verdict.kind === 'refuse') {
      refuse(tally, payload, verdict);
      continue;
    }
    done.push(payload);
    // What the queue did the log tells; of a replay the relay learns there what comes of it.
    if (verdict.kind !== 'done' || act === 'discard') ours.push(payload);
  }
  const sales = done.flatMap(({ members, locationId }) => members.map((each) => ({ ...each, locationId })));
  if (sales.length > 0) await setting.audit.append(actEvent(act, word, filter, sales));
  const ids = ours.map(({ id }) => id);
  await (act === 'discard' ? discardPayloads(tx, ids, reasonOf(word)) : reopenPayloads(tx, ids));
  for (const payload of done) count(tally, payload);
  return payloads.at(-1)?.id;
}

function count(tally: Tally, { state, members }: UnsettledPayload): void {
  const others = members.filter((member) => !member.meant).length;
  tally.did(state === 'dead' ? 'dead' : 'apart', members, others);
}

type Refused = Extract<Decision, { kind: 'refuse' }>;

function refuse(tally: Tally, { members }: UnsettledPayload, { why, detail }: Refused): void {
  tally.refuse(
    why,
    members.filter((member) => member.meant),
    detail,
  );
}

function reasonOf({ actor, reason }: Word): string {
  return `${actor}: ${reason}`;
}

function parted<Item>(items: readonly Item[], test: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}
