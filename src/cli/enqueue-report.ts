import type { ConexxusSyncError } from '../base/errors.ts';
import { describeProblems, type Problem } from '../sync/jobs/problems.ts';
import type { Enqueued } from '../sync/producer/enqueued.ts';
import { createProgress } from './enqueue-progress.ts';
import type { Place } from './payload-source.ts';

/** Counts what became of the payloads, tells of refused ones as they come, and sums up at the end. */
export interface EnqueueReport {
  /** `read`: of the input, so far. */
  enqueued(results: readonly Enqueued[], read: Read): void;
  refused(place: Place, problems: readonly Problem[], more: number): void;
  /** A person ended it behind this place, or before there was any. */
  stopped(last: Place | undefined): void;
  /** Nothing further could be enqueued, for this reason. */
  broken(error: ConexxusSyncError): void;
  print(): void;
  /** True if anything was refused or could not be enqueued, but for what a person left out. */
  failed(): boolean;
}

interface Read {
  readonly bytes: number;
  readonly total: number | undefined;
}

interface Refusal {
  readonly line?: number;
  readonly item?: number;
  readonly problems: readonly Problem[];
}

interface Tally {
  accepted: number;
  refused: number;
  /** How many are known, by their state. */
  readonly known: Map<string, number>;
  readonly refusals: Refusal[];
  failure: ConexxusSyncError | undefined;
  /** Where a person ended it. */
  stopped: { readonly line?: number; readonly item?: number } | undefined;
}

/** Refusals named in the JSON report; all are counted. */
const REFUSALS_LISTED = 1_000;

const NO_PROGRESS = { show: () => undefined, clear: () => undefined };

/**
 * `json`: one object on stdout and nothing else; otherwise refusals go to stderr, the sum to stdout. Progress
 * is for a person who looks on: at a terminal, which is not read by a program.
 */
export function createReport(job: string, json: boolean): EnqueueReport {
  const tally: Tally = {
    accepted: 0,
    refused: 0,
    known: new Map(),
    refusals: [],
    failure: undefined,
    stopped: undefined,
  };
  const isWatched = !json && process.stdout.isTTY && process.stderr.isTTY;
  const progress = isWatched ? createProgress(process.stderr) : NO_PROGRESS;
  const warn = (text: string) => {
    progress.clear();
    if (!json) process.stderr.write(`${text}\n`);
  };

  return {
    enqueued(results, read) {
      for (const result of results) count(tally, result);
      const payloads = tally.accepted + knownIn(tally) + tally.refused;
      progress.show(sumOf(tally), { ...read, payloads, atMs: performance.now() });
    },
    refused({ unit, number }, problems, more) {
      tally.refused += 1;
      if (tally.refusals.length < REFUSALS_LISTED) tally.refusals.push({ [unit]: number, problems });
      warn(`${unit} ${number} refused: ${describeProblems(problems, more)}`);
    },
    stopped(last) {
      tally.stopped = last === undefined ? {} : { [last.unit]: last.number };
      const where = last === undefined ? 'at the beginning' : `after ${last.unit} ${last.number}`;
      warn(
        `Stopped ${where}. Run the same again to go on: what is known is skipped, nothing is enqueued twice.`,
      );
    },
    broken(error) {
      tally.failure = error;
      const before = tally.accepted > 0 ? `At least ${tally.accepted} were accepted before. ` : '';
      warn(`${error.message}. ${before}To run this again is safe: nothing is enqueued twice.`);
    },
    print() {
      progress.clear();
      process.stdout.write(`${json ? jsonOf(job, tally) : `${job}: ${sumOf(tally)}${statesOf(tally)}`}\n`);
    },
    failed: () => tally.refused > 0 || tally.failure !== undefined,
  };
}

function count(tally: Tally, { status, state }: Enqueued): void {
  if (status === 'accepted') tally.accepted += 1;
  else tally.known.set(state, (tally.known.get(state) ?? 0) + 1);
}

function knownIn(tally: Tally): number {
  return [...tally.known.values()].reduce((sum, known) => sum + known, 0);
}

function sumOf(tally: Tally): string {
  return `${tally.accepted} accepted, ${knownIn(tally)} already known, ${tally.refused} refused`;
}

function statesOf({ known }: Tally): string {
  const states = [...known].map(([state, count]) => `${count} ${state}`);
  return states.length === 0 ? '' : ` (already known: ${states.join(', ')})`;
}

function jsonOf(job: string, tally: Tally): string {
  const { accepted, refused, refusals, failure, stopped = null } = tally;
  const knownByState = Object.fromEntries(tally.known);
  const error = failure === undefined ? null : { code: failure.code, message: failure.message };
  return JSON.stringify({
    job,
    accepted,
    known: knownIn(tally),
    knownByState,
    refused,
    refusals,
    error,
    stopped,
  });
}
