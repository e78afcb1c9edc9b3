import { postgresCodeOf } from '../../base/postgres-errors.ts';
import { refusalOf } from '../../base/redis-writes.ts';
import { within } from '../../base/shared.ts';

/** What was last read of one thing, and whether it can be read now. Times are ms by this process's clock. */
export interface Reading<Value> {
  /** Null: it was never read. */
  readonly value: Value | null;
  readonly at: number;
  /** Since when and why it cannot be read; null: it can. */
  readonly failure: Failure | null;
}

interface Failure {
  readonly since: number;
  /** A text of ours or a code: pages name no host and no user. Empty: nobody knows. */
  readonly reason: string;
}

/** One thing that is read again when it is due and somebody looks. Never rejects. */
export interface Part<Value> {
  refresh(): Promise<void>;
  reading(): Reading<Value>;
}

export interface PartOptions<Value> {
  readonly read: () => Promise<Value>;
  /** Between the beginnings of two reads. */
  readonly everyMs: number;
  readonly onFailure: (error: unknown) => void;
}

/** What takes longer is told as a failure, and not begun a second time: an outage of a day would pile it up. */
const READ_TIMEOUT_MS = 2_000;
/** Of what failed, so that its end is seen soon. */
const AGAIN_MS = 1_000;

export function createPart<Value>({ read, everyMs, onFailure }: PartOptions<Value>): Part<Value> {
  let last: Reading<Value> = { value: null, at: 0, failure: null };
  let underWay: Promise<void> | undefined;
  let begunAt = Number.NEGATIVE_INFINITY;

  function fail(reason: string): void {
    last = { ...last, failure: { since: last.failure?.since ?? Date.now(), reason } };
  }

  async function run(): Promise<void> {
    try {
      last = { value: await read(), at: Date.now(), failure: null };
    } catch (error) {
      if (last.failure === null) onFailure(error);
      fail(reasonOf(error));
    } finally {
      underWay = undefined;
    }
  }

  return {
    async refresh() {
      const dueMs = last.failure === null ? everyMs : Math.min(everyMs, AGAIN_MS);
      if (underWay === undefined) {
        if (performance.now() - begunAt < dueMs) return;
        begunAt = performance.now();
        underWay = run();
      }
      const isDone = await within(
        READ_TIMEOUT_MS,
        underWay.then(() => true),
        false,
      );
      if (!isDone) fail('no answer');
    },
    reading: () => last,
  };
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? refusalOf(error) : undefined) ?? postgresCodeOf(error) ?? '';
}
