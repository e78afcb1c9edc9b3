import type { RelayFacts } from '../outbox/counts.ts';
import type { Act } from '../outbox/meant.ts';
import { ACT_PAST, byState, refusalWords, sumOf } from '../outbox/outcome-words.ts';
import type { OutboxStatus, StoreStatus } from '../outbox/status.ts';
import type { Outcome, Refusal } from '../outbox/tally.ts';
import { fromNow } from '../sync/report/time-words.ts';
import { times } from './dead-letter-view.ts';
import { oneLine, table } from './table.ts';

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
  if (count === 0) return [`No sale would be ${ACT_PAST[act]}.`, ...refusalLines(outcome)].join('\n');
  return [
    `${times(count, 'sale')} would be ${ACT_PAST[act]}${byState(outcome)}. Nothing was done: add --yes to do it.`,
    ...alongsideLines(outcome),
    ...refusalLines(outcome),
  ].join('\n');
}

export function renderOutcome(act: Act, outcome: Outcome): string {
  return [
    `${times(sumOf(outcome), 'sale')} ${ACT_PAST[act]}${byState(outcome)}.`,
    ...alongsideLines(outcome),
    ...refusalLines(outcome),
  ].join('\n');
}

function alongsideLines({ alongside }: Outcome): string[] {
  if (alongside === 0) return [];
  return [
    `  ${alongside} of them only because they are in one payload with one that is meant, which goes as a whole.`,
  ];
}

function refusalLines({ refused }: Outcome): string[] {
  return refused.map(refusalLine);
}

function refusalLine(refusal: Refusal): string {
  const { count, first } = refusal;
  const more = count > first.length ? ` and ${count - first.length} more` : '';
  return oneLine(`${count} not: ${refusalWords(refusal)}: ${first.join(', ')}${more}`);
}
