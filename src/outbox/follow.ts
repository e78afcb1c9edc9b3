import { sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';
import { errorMessage } from '../base/errors.ts';
import { tell } from '../base/happenings.ts';
import type { Redactor } from '../base/redaction.ts';
import type { createSplitOut } from '../sync/dead-letters/split.ts';
import { splitEvent } from '../sync/sync-event.ts';
import { type FactsDeps, readFacts } from './facts.ts';
import { type Ending, nextStep, type Step } from './fate.ts';
import { abandonSplit, finishSplit, planHalves } from './halves.ts';
import { type Journey, type Traveller, travellerOf } from './journey.ts';
import { LostTurnError } from './lease.ts';
import type { Payload } from './payloads.ts';
import { readReplacement, replace } from './replacement.ts';
import { idsOf, payload } from './schema.ts';
import type { Sender } from './send.ts';
import type { Turn } from './turn.ts';

export interface FollowDeps extends FactsDeps {
  readonly turn: Turn;
  readonly sender: Sender;
  readonly splitOut: ReturnType<typeof createSplitOut>;
  /** So long the workers remember what was delivered. */
  readonly deliveredRetentionMs: number;
  readonly redact: Redactor;
}

type Action = Exclude<Step, { kind: 'settle' }>;

/** Until one is looked at again: its backoff runs; a person may bring it back; its row is on its way. */
const DELAYED_LOOK_MS = 2_000;
const DEAD_LOOK_MS = 5_000;
const ROW_LOOK_MAX_MS = 5_000;
const ROW_LOOK_MS = 100;
const FAULT_LOOK_MS = 10_000;

/** What became of the payloads on their way, and what follows from it. */
export async function follow(journey: Journey, deps: FollowDeps): Promise<void> {
  const now = Date.now();
  const due = journey.due(now);
  if (due.length === 0) return;
  const facts = await readFacts(due, deps);
  if (facts === undefined) return;
  const endings: [Traveller, Ending][] = [];
  for (const one of due) {
    const step = nextStep({ ...facts(one), isOld: now - one.createdAt > deps.deliveredRetentionMs });
    if (step.kind === 'settle') endings.push([one, step.ending]);
    else await actAlone(one, step, journey, deps);
  }
  await settle(endings, journey, deps);
}

/** What is wrong with one payload holds up no other. */
async function actAlone(one: Traveller, step: Action, journey: Journey, deps: FollowDeps): Promise<void> {
  try {
    await act(one, step, journey, deps);
  } catch (error) {
    if (error instanceof LostTurnError) throw error;
    tell('payload-not-moved', { payload: one.syncKey, step: step.kind, error: errorMessage(error) });
    lookLater(one, FAULT_LOOK_MS);
  }
}

async function act(one: Traveller, step: Action, journey: Journey, deps: FollowDeps): Promise<void> {
  switch (step.kind) {
    case 'wait':
      return lookLater(one, waitMs(one));
    case 'look-soon':
      one.lookAt = Date.now() + Math.min(ROW_LOOK_MAX_MS, ROW_LOOK_MS * 2 ** one.looks);
      one.looks += 1;
      return;
    case 'split':
      return split(one, step.from, journey, deps);
    case 'finish-split':
      return embark(one, await deps.turn((tx) => finishSplit(tx, one.id)), journey);
    case 'abandon-split':
      return abandon(one, deps);
    case 'replace':
      return replaceBy(one, step, journey, deps);
    case 'send-again':
      return sendAgain(one, journey, deps);
  }
}

function waitMs({ queue, state }: Traveller): number {
  if (state === 'dead') return DEAD_LOOK_MS;
  return queue === 'delayed' ? DELAYED_LOOK_MS : 0;
}

function lookLater(one: Traveller, ms: number): void {
  delete one.mark;
  one.looks = 0;
  one.lookAt = Date.now() + ms;
}

/** Written down, taken out of the queue, let go: in this order, so that a crash between leaves it to be finished. */
async function split(one: Traveller, from: 'failed' | 'delayed', journey: Journey, deps: FollowDeps) {
  const { turn, splitOut, redact } = deps;
  const { subject, halves } = await turn((tx) => planHalves(tx, one.id));
  one.state = 'splitting';
  const why = from === 'failed' ? 'it died' : 'it fails again and again';
  const event = splitEvent(subject, halves, why, redact);
  // A person was faster, or the answer to a first try of this was lost: where it is by now says which.
  if (!(await splitOut({ jobId: one.syncKey, from, event }))) return lookLater(one, 0);
  tell('payload-split', { payload: one.syncKey, sales: one.members, why });
  embark(one, await turn((tx) => finishSplit(tx, one.id)), journey);
}

/** A person was faster, or it is under way again: it goes on as a whole. */
async function abandon(one: Traveller, { turn }: FollowDeps): Promise<void> {
  await turn((tx) => abandonSplit(tx, one.id));
  one.state = 'open';
  lookLater(one, DELAYED_LOOK_MS);
}

function embark(whole: Traveller, halves: readonly Payload[], journey: Journey): void {
  journey.remove(whole.id);
  for (const half of halves) journey.add(travellerOf(half, Date.now()));
}

/** The queue did it, and has the other one: the log told. */
async function replaceBy(
  one: Traveller,
  { by, reason }: Extract<Step, { kind: 'replace' }>,
  journey: Journey,
  deps: FollowDeps,
): Promise<void> {
  const json = await readReplacement(deps, by);
  if (json === undefined)
    return leaveDead(one, `edited into ${by}, which nobody has any more`, journey, deps);
  const written = await deps.turn((tx) => replace(tx, one.id, `edited into ${by}: ${reason}`, json));
  tell('payload-settled', { state: 'replaced' });
  journey.remove(one.id);
  // It was enqueued by who edited it, and may have gone far by now.
  if (written !== undefined) journey.add({ ...travellerOf(written, Date.now()), queue: 'unknown' });
}

/** A person has to look. */
async function leaveDead(one: Traveller, reason: string, journey: Journey, deps: FollowDeps): Promise<void> {
  if (one.state === 'dead') return lookLater(one, DEAD_LOOK_MS);
  await settle([[one, { state: 'dead', reason, refused: [] }]], journey, deps);
}

async function sendAgain(one: Traveller, journey: Journey, deps: FollowDeps): Promise<void> {
  tell('payload-enqueued-again', { payload: one.syncKey });
  const isDelivered = await deps.sender.sendAgain(one, deps.deliveredRetentionMs);
  lookLater(one, 0);
  one.queue = 'waiting';
  // Nothing was added: its delivery is remembered.
  if (isDelivered) await settle([[one, { state: 'delivered', reason: null, refused: [] }]], journey, deps);
}

async function settle(
  endings: readonly (readonly [Traveller, Ending])[],
  journey: Journey,
  { turn }: FollowDeps,
): Promise<void> {
  if (endings.length === 0) return;
  await turn((tx) => writeEndings(tx, endings));
  for (const [one, { state, diedAt }] of endings) {
    tell('payload-settled', { state });
    if (state !== 'open' && state !== 'dead') journey.remove(one.id);
    else {
      one.state = state;
      if (diedAt) one.diedAt = diedAt.getTime();
      lookLater(one, state === 'dead' ? DEAD_LOOK_MS : 0);
    }
  }
}

/** Those that end in the same way by one statement: of a backlog nearly all do. */
async function writeEndings(
  tx: Transaction,
  endings: readonly (readonly [Traveller, Ending])[],
): Promise<void> {
  const groups = new Map<string, { readonly ending: Ending; readonly ids: number[] }>();
  for (const [{ id }, ending] of endings) {
    const key = JSON.stringify(ending);
    const group = groups.get(key) ?? { ending, ids: [] };
    group.ids.push(id);
    groups.set(key, group);
  }
  for (const { ending, ids } of groups.values()) {
    const { state, reason, refused, diedAt } = ending;
    await tx
      .update(payload)
      .set({ state, reason, refused: [...refused], since: sql`now()`, ...(diedAt && { diedAt }) })
      .where(sql`${payload.id} = any(${idsOf(ids)})`);
  }
}
