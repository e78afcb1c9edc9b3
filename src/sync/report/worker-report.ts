import * as z from 'zod';
import type { RegisteredWorker } from '../../circuit/register.ts';
import type { BenchedWorker } from '../../circuit/types.ts';

/** One worker, as `GET /api/workers` and `conexxus-sync workers --json` tell it. Times are ms. */
export interface WorkerReport {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly since: number;
  /** Jobs it may have at a time, and has now. */
  readonly slots: number;
  readonly busy: number;
  /** False: disabled, or told to stop. */
  readonly takesJobs: boolean;
  readonly benched: Omit<BenchedWorker, 'worker' | 'workerId'> | null;
  readonly lastOutcome: { readonly at: number; readonly outcome: string; readonly jobId: string } | null;
  /** What it decides by, as JSON; null: it does not say. */
  readonly options: string | null;
}

const entrySchema = z.object({
  name: z.string(),
  version: z.string(),
  slots: z.number(),
  busy: z.number(),
  lastOutcome: z.object({ at: z.number(), outcome: z.string(), jobId: z.string() }).nullable(),
  options: z.string(),
});
const anyJson = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'no JSON' });
    return z.NEVER;
  }
});

/** By name, till-2 before till-10. */
export function workerReports(
  workers: readonly RegisteredWorker[],
  benched: readonly BenchedWorker[],
): WorkerReport[] {
  const reports = workers.map(({ id, since, takesJobs, entry }) => {
    const told = anyJson.pipe(entrySchema).safeParse(entry);
    const bench = benched.find(({ workerId }) => workerId === id);
    return {
      id,
      ...(told.success ? told.data : { ...UNTOLD, name: id }),
      since,
      takesJobs,
      benched: bench ? { since: bench.since, cause: bench.cause, retryAt: bench.retryAt } : null,
    };
  });
  return reports.sort((one, other) => ORDER.compare(one.name, other.name) || ORDER.compare(one.id, other.id));
}

const ORDER = new Intl.Collator('en', { numeric: true });

/** Of an entry that another version wrote, and this one can't read. */
const UNTOLD = { version: '?', slots: 0, busy: 0, lastOutcome: null, options: null };
