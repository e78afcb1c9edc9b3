import { type Circuit, IllegalMoveError } from '../../src/circuit/circuit.ts';
import type { OutcomeReport, Subject } from '../../src/circuit/types.ts';
import { aReport } from './harness.ts';
import type { Step } from './histories.ts';
import type { Model, Seat, Standing } from './model.ts';
import type { Attendance } from './model-rules.ts';

/** What a process asks: the circuit, with the gate's script beside it, or the model. */
export interface Asked extends Omit<Circuit, 'status'> {
  attend(attendance: Attendance): Promise<Standing>;
}

/** A step that asks the circuit something. */
export type Question = Exclude<Step, { do: 'drop' | 'die' | 'pass' | 'pass to boundary' | 'lose' }>;

/** What was asked and what the circuit answered, so that the model can be asked the same. */
export interface Exchange {
  readonly step: Question;
  readonly answer: unknown;
  /** The same question to the model. */
  readonly ask: (model: Model, now: number) => unknown;
}

interface Held {
  readonly subject: Subject;
  readonly permission: string;
}

export type Process = ReturnType<typeof createProcess>;

/** A process of the fleet that does as the steps say: it holds permissions, and loses them when it dies. */
export function createProcess(asked: Asked, seat: Seat) {
  const held: Held[] = [];
  const healthCalls: string[] = [];

  async function acquire({ job, payload }: Step & { do: 'acquire' }) {
    const jobId = `job-${job}`;
    const subject = { jobId, ...(payload === 0 ? {} : { syncKey: `ps-${payload}` }) };
    const answer = await asked.acquire(subject);
    const permission = answer.kind === 'permitted' ? answer.permission : 'none';
    if (answer.kind === 'permitted') held.unshift({ subject, permission });
    const asking = { permission, jobId, subject: subjectOf(subject) };
    return { answer, ask: (model: Model, now: number) => model.seat(seat).acquire(now, asking) };
  }

  async function record({ which, again, ...rest }: Step & { do: 'record' }) {
    const { subject, permission } = held.at(which % (held.length || 1)) ?? nobody;
    if (!again) held.splice(which % (held.length || 1), 1);
    const report = reportOf(rest, subject);
    const answer = await asked.record(subject, permission, report);
    const recording = { permission, subject: subjectOf(subject), report };
    return { answer, ask: (model: Model, now: number) => model.seat(seat).record(now, recording) };
  }

  async function beginHealth() {
    const permission = await asked.beginHealth();
    if (permission !== null) healthCalls.unshift(permission);
    const ask = (model: Model, now: number) => model.seat(seat).beginHealth(now, permission ?? 'none');
    return { answer: permission !== null, ask };
  }

  async function endHealth({ which, ending, retryAfterMs }: Step & { do: 'end health' }) {
    const permission = healthCalls.at(which % (healthCalls.length || 1)) ?? 'none';
    const answer = await asked.endHealth(permission, ending, retryAfterMs);
    const ask = (model: Model, now: number) =>
      model.seat(seat).endHealth(now, permission, ending, retryAfterMs);
    return { answer, ask };
  }

  let attended = false;
  async function attend({ takes }: Step & { do: 'attend' }) {
    const attendance = { takes, first: !attended };
    attended = true;
    const answer = await asked.attend(attendance);
    return { answer, ask: (model: Model, now: number) => model.seat(seat).attend(now, attendance) };
  }

  async function endBench({ ending, retryAfterMs }: Step & { do: 'end bench' }) {
    const answer = await asked.endBench(ending, retryAfterMs);
    const ask = (model: Model, now: number) => model.seat(seat).endBench(now, { ending, retryAfterMs });
    return { answer, ask };
  }

  async function operate({ action, forMs }: Step & { do: 'operate' }, now: number) {
    const until = forMs === undefined ? {} : { until: now + forMs };
    const word = { actor: `beside ${seat.worker}`, reason: 'because', ...until };
    const answer = await asked.operate(action, word).then(() => 'done', refusedOrThrow);
    return { answer, ask: (model: Model, now: number) => model.seat(seat).operate(now, action, word) };
  }

  async function exchange(step: Question, now: number): Promise<Omit<Exchange, 'step'>> {
    switch (step.do) {
      case 'acquire':
        return acquire(step);
      case 'record':
        return record(step);
      case 'begin health':
        return beginHealth();
      case 'end health':
        return endHealth(step);
      case 'attend':
        return attend(step);
      case 'end bench':
        return endBench(step);
      case 'operate':
        return operate(step, now);
    }
  }

  return {
    /** `now` is for the ends of holds; the circuit reads its own clock. */
    async ask(step: Question, now: number): Promise<Exchange> {
      return { step, ...(await exchange(step, now)) };
    },
    drop(which: number): void {
      held.splice(which % (held.length || 1), 1);
    },
  };
}

/** Who records without a permission. */
const nobody: Held = { subject: { jobId: 'nobody', syncKey: 'ps-nobody' }, permission: 'made-up' };

export function subjectOf({ syncKey, jobId }: Subject): string {
  return syncKey ?? `job:${jobId}`;
}

type Ended = Omit<Step & { do: 'record' }, 'which' | 'again' | 'worker' | 'do'>;

function reportOf(step: Ended, subject: Subject): OutcomeReport {
  const { effect, durationMs, retryAfterMs, delivered, payload, doubt } = step;
  const mayDeliver = effect === 'success' && subject.syncKey !== undefined;
  return aReport(effect, { durationMs, retryAfterMs, payload, doubt, delivered: delivered && mayDeliver });
}

function refusedOrThrow(error: unknown): 'refused' {
  if (error instanceof IllegalMoveError) return 'refused';
  throw error;
}
