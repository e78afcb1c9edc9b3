import type { Database } from '../base/database.ts';
import { pause } from '../base/pause.ts';
import { postgresReason } from '../base/postgres-errors.ts';
import { claimDue, type Due, nameOf, writeNext } from './table.ts';
import { type Run, runAfter, SCHEDULED_JOBS, type Schedule, type ScheduledJob } from './times.ts';

/** How each job is done that this process can do. Doing it again must do no harm: a commit may be lost. */
export type Work = Readonly<Partial<Record<ScheduledJob, (schedule: Schedule, run: Run) => Promise<void>>>>;

export interface RunnerDeps {
  readonly database: Pick<Database, 'write'>;
  readonly work: Work;
  readonly onRun: (schedule: Schedule, run: Run) => void;
  /** Undefined: the table itself could not be used. Called at each try. */
  readonly onFailure: (reason: string, schedule: Schedule | undefined) => void;
}

export interface Runner {
  start(): void;
  /** Waits for the run under way. */
  stop(): Promise<void>;
}

const LOOK_EVERY_MS = 10_000;

/** Any number of processes may look: a row lock says whose run it is, and what is next is written with it. */
export function createRunner(deps: RunnerDeps): Runner {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await runDue(deps);
      await pause(LOOK_EVERY_MS, stopping.signal);
    }
  }

  return {
    start: () => {
      running ??= run();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** All that is due, one after the other; resolves to how many were done. `nowMs`: instead of Postgres' time. */
export async function runDue(deps: RunnerDeps, nowMs?: number): Promise<number> {
  const failed = new Set<string>();
  for (let done = 0; ; ) {
    const step = await runOne(deps, failed, nowMs);
    if (step === 'none') return done;
    if (step === 'done') done += 1;
  }
}

async function runOne(
  { database, work, onRun, onFailure }: RunnerDeps,
  failed: Set<string>,
  nowMs: number | undefined,
): Promise<'done' | 'failed' | 'none'> {
  const jobs = SCHEDULED_JOBS.filter((job) => work[job] !== undefined);
  const claim: { due?: Due | undefined } = {};
  try {
    await database.write(async (tx) => {
      claim.due = await claimDue(tx, jobs, failed, nowMs);
      if (claim.due === undefined) return;
      const { schedule, next } = claim.due;
      await work[schedule.job]?.(schedule, next);
      await writeNext(tx, schedule, runAfter(schedule, next, claim.due.nowMs));
    });
  } catch (error) {
    onFailure(postgresReason(error), claim.due?.schedule);
    if (claim.due === undefined) return 'none';
    failed.add(nameOf(claim.due.schedule));
    return 'failed';
  }
  if (claim.due === undefined) return 'none';
  onRun(claim.due.schedule, claim.due.next);
  return 'done';
}
