import type { LedgerEntry } from '../../test/support/simulator/protocol.ts';
import type { Window } from './unrest.ts';

/** From an answer on the wire to its record, on a loaded machine. */
const RECORD_MS = 2_000;
/** Faults after which a worker can't read the answer, whatever its status. */
const SPOILT = new Set(['html', 'truncated', 'wrongShape']);

/** What the API's own book says about the calls of one check. */
export interface Calls {
  /** Keys of which every success beyond the first was lost, on the wire or with a worker that died or froze. */
  readonly lostAnswers: ReadonlySet<string>;
  /** Calls by key that somebody lived to record. */
  readonly recordable: ReadonlyMap<string, number>;
  readonly applied: ReadonlySet<string>;
  /** Keys that were answered with a rejection. */
  readonly rejected: ReadonlySet<string>;
  /** Calls that a recorded delivery would have made needless, had its answer not been lost. */
  readonly repeated: number;
}

export function readCalls(
  ledger: readonly LedgerEntry[],
  windows: readonly Window[],
  callTimeoutMs: number,
): Calls {
  const pushes = ledger.flatMap((entry) => (entry.key === null ? [] : [{ ...entry, key: entry.key }]));
  const answered = pushes.filter(({ status }) => status !== null && status < 300);
  const successes = tally(answered);
  const recorded = tally(
    answered.filter(
      (entry) =>
        !isSpoilt(entry) && timeOf(entry) < callTimeoutMs - RECORD_MS / 10 && !inUnrest(entry, windows),
    ),
  );
  return {
    lostAnswers: new Set([...successes.keys()].filter((key) => (recorded.get(key) ?? 0) <= 1)),
    recordable: tally(pushes.filter((entry) => !inUnrest(entry, windows))),
    applied: new Set(pushes.filter(({ applied }) => applied).map(({ key }) => key)),
    rejected: new Set(pushes.filter(({ status }) => status === 422).map(({ key }) => key)),
    repeated: pushes.filter(({ duplicate }) => duplicate).length,
  };
}

function isSpoilt({ fault }: LedgerEntry): boolean {
  return fault !== null && SPOILT.has(fault.replace('mode:', ''));
}

function timeOf({ receivedAt, endedAt }: LedgerEntry): number {
  return (endedAt ?? Number.POSITIVE_INFINITY) - receivedAt;
}

function inUnrest({ receivedAt, endedAt }: LedgerEntry, windows: readonly Window[]): boolean {
  const recordedAt = (endedAt ?? Number.POSITIVE_INFINITY) + RECORD_MS;
  return windows.some(({ from, to }) => receivedAt <= to && from <= recordedAt);
}

function tally(entries: readonly { readonly key: string }[]): Map<string, number> {
  const times = new Map<string, number>();
  for (const { key } of entries) times.set(key, (times.get(key) ?? 0) + 1);
  return times;
}
