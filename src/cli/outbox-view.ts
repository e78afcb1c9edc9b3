import type { RelayFacts } from '../outbox/counts.ts';
import { type Act, OPEN_TO_ACTS } from '../outbox/meant.ts';
import type { OutboxStatus, StoreStatus } from '../outbox/status.ts';
import type { Outcome, Refusal, Why } from '../outbox/tally.ts';
import { fromNow } from '../sync/report/time-words.ts';
import { times } from './dead-letter-view.ts';
import { oneLine, table } from './table.ts';

const PAST: Readonly<Record<Act, string>> = { release: 'released', discard: 'discarded' };
const NONE = '-';

/** Which told of itself last, and how long ago. Null: none did within a day; undefined: Redis does not answer. */
export type LastRelay = (RelayFacts & { readonly agoMs: number }) | null | undefined;

/** It tells every five seconds. */
const AT_WORK_MS = 30_000;

export function renderStatus(status: OutboxStatus, relay: LastRelay): string {
  const { held, untaken, stores, now } = status;
  const age = untaken.oldestAt === null ? '' : `, the oldest written ${fromNow(untaken.oldestAt, now)}`;
  return [
    ...(held === null ? [] : heldLines(held)),
    `Not taken by a relay yet: ${times(untaken.rows, 'row')}${age}`,
    gatheredLine(status),
    relayLine(relay),
    '',
    ...storeLines(stores, now),
  ].join('\n');
}

function heldLines(held: string): string[] {
  return [
    'HELD: THE RELAYS SEND NOTHING UNTIL A PERSON SAYS SO',
    `  ${oneLine(held)}`,
    "  To let them go on: node dist/cli.js outbox release --held --reason '…'",
    '',
  ];
}

function gatheredLine({ gathered: { of, payloads, salesPerPayload } }: OutboxStatus): string {
  if (salesPerPayload === null) return 'Sales per payload: none delivered yet';
  const which = of === 'last day' ? 'delivered in the last 24 hours' : 'delivered, as far as they are kept';
  return `Sales per payload: ${salesPerPayload}, of ${times(payloads, 'payload')} ${which}`;
}

function relayLine(relay: LastRelay): string {
  if (relay === undefined) return 'Relay: not known, Redis does not answer';
  if (relay === null) return 'Relay: none is at work';
  const { name, workingMs, agoMs } = relay;
  const told = fromNow(0, agoMs);
  if (agoMs > AT_WORK_MS) return oneLine(`Relay: none is at work; ${name} was until ${told}`);
  return oneLine(`Relay: ${name}, at work since ${fromNow(0, workingMs + agoMs)}, told of itself ${told}`);
}

function storeLines(stores: readonly StoreStatus[], now: number): string[] {
  if (stores.length === 0) return ['No sales.'];
  const head = [
    '',
    'waiting',
    'oldest',
    'enqueued',
    'dead',
    'set apart',
    'replaced',
    'discarded',
    'delivered*',
    'flagged*',
  ];
  const rows = stores.map((store) => [
    oneLine(store.locationId ?? '(no store)'),
    String(store.waiting),
    store.oldestWaitingAt === null ? NONE : fromNow(store.oldestWaitingAt, now),
    ...[store.enqueued, store.dead, store.apart, store.replaced, store.discarded].map(String),
    ...[store.delivered, store.flagged].map(String),
  ]);
  return [...table([head, ...rows]), '  * in the last 24 hours'];
}

/** For scripts. */
export function statusRecord({ now, untaken, stores, ...status }: OutboxStatus, relay: LastRelay): object {
  return {
    now: iso(now),
    ...status,
    relay: relay && { name: relay.name, isAtWork: relay.agoMs <= AT_WORK_MS, toldMsAgo: relay.agoMs },
    untaken: { rows: untaken.rows, oldestAt: iso(untaken.oldestAt) },
    stores: stores.map(({ oldestWaitingAt, ...store }) => ({
      ...store,
      oldestWaitingAt: iso(oldestWaitingAt),
    })),
  };
}

function iso(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

export function renderRehearsal(act: Act, outcome: Outcome): string {
  const count = sumOf(outcome);
  if (count === 0) return [`No sale would be ${PAST[act]}.`, ...refusalLines(outcome)].join('\n');
  return [
    `${times(count, 'sale')} would be ${PAST[act]}${byState(outcome)}. Nothing was done: add --yes to do it.`,
    ...alongsideLines(outcome),
    ...refusalLines(outcome),
  ].join('\n');
}

export function renderOutcome(act: Act, outcome: Outcome): string {
  return [
    `${times(sumOf(outcome), 'sale')} ${PAST[act]}${byState(outcome)}.`,
    ...alongsideLines(outcome),
    ...refusalLines(outcome),
  ].join('\n');
}

function sumOf({ done }: Outcome): number {
  return OPEN_TO_ACTS.reduce((sum, state) => sum + done[state], 0);
}

function byState({ done }: Outcome): string {
  const parts = OPEN_TO_ACTS.filter((state) => done[state] > 0).map(
    (state) => `${done[state]} ${STATE_WORDS[state]}`,
  );
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

const STATE_WORDS = { waiting: 'waiting', apart: 'set apart', dead: 'dead' } as const;

function alongsideLines({ alongside }: Outcome): string[] {
  if (alongside === 0) return [];
  return [
    `  ${alongside} of them only because they are in one payload with one that is meant, which goes as a whole.`,
  ];
}

function refusalLines({ refused }: Outcome): string[] {
  return refused.map(refusalLine);
}

function refusalLine({ why, detail, count, first }: Refusal): string {
  const more = count > first.length ? ` and ${count - first.length} more` : '';
  const words = detail === undefined ? WORDS[why] : `${WORDS[why]} (${detail})`;
  return oneLine(`${count} not: ${words}: ${first.join(', ')}${more}`);
}

const WORDS: Readonly<Record<Why, string>> = {
  'under-way': 'under way to Conexxus, in a payload whose fate is not known yet',
  'being-split':
    'in a dead payload with others, which a relay splits; then they die, or are delivered, alone',
  'shares-a-payload': 'in one payload with others, which nobody can take apart; discard these with it',
  'in-the-queue': 'replayed by somebody meanwhile, and in the queue',
  delivered: 'delivered already; `resend` sends it again on purpose',
  flagged: 'delivered, and named as refused; `resend` sends it again on purpose',
  discarded: 'given up already',
  replaced: 'replaced by a correction that was delivered',
  waiting: 'waiting, and goes by itself',
  untaken: 'not taken by a relay yet',
  unreadable: 'not to be read as JSON that the outbox could hold',
  refused: 'refused by Redis',
  changed: 'in another state since it was looked at; ask again',
  unknown: 'not in the outbox',
};
