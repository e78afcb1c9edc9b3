import { randomUUID } from 'node:crypto';
import type { AttemptOutcome } from './disposition.ts';

/** What a worker process knows of itself and tells the others; the register in Redis has it from its gate. */
export interface WorkerSelf {
  /** Random at each start, so that a restarted worker begins with nothing held against it. */
  readonly id: string;
  /** How people call it. */
  readonly name: string;
  readonly version: string;
  readonly slots: number;
  /** Jobs in its slots now. */
  busy: number;
  /** False: disabled, or told to stop. */
  takesJobs: boolean;
  lastOutcome: LastOutcome | null;
}

interface LastOutcome {
  /** By this machine's clock, ms. */
  readonly at: number;
  readonly outcome: AttemptOutcome;
  readonly jobId: string;
}

export function createWorkerSelf(name: string, version: string, slots: number): WorkerSelf {
  return { id: randomUUID(), name, version, slots, busy: 0, takesJobs: false, lastOutcome: null };
}
