import type { Circuit } from '../../src/circuit/circuit.ts';
import { IllegalMoveError } from '../../src/circuit/circuit.ts';
import type { OutcomeReport, Subject } from '../../src/circuit/types.ts';
import { aReport } from './harness.ts';
import type { Step } from './histories.ts';
import type { Model } from './model.ts';

/** A step that asks the circuit something. */
export type Question = Exclude<Step, { do: 'crash' | 'pass' | 'pass to boundary' | 'lose' }>;

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

/** A process of the fleet that does as the steps say: it holds permissions, and loses them when it crashes. */
export function createProcess(circuit: Circuit, actor: string) {
  const held: Held[] = [];
  const healthCalls: string[] = [];

  async function acquire({ job, payload }: Step & { do: 'acquire' }) {
    const jobId = `job-${job}`;
    const subject = { jobId, ...(payload === 0 ? {} : { syncKey: `ps-${payload}` }) };
    const answer = await circuit.acquire(subject);
    const permission = answer.kind === 'permitted' ? answer.permission : 'none';
    if (answer.kind === 'permitted') held.unshift({ subject, permission });
    const asked = { permission, jobId, subject: subjectOf(subject) };
    return { answer, ask: (model: Model, now: number) => model.acquire(now, asked) };
  }

  async function record({ which, again, ...rest }: Step & { do: 'record' }) {
    const { subject, permission } = held.at(which % (held.length || 1)) ?? nobody;
    if (!again) held.splice(which % (held.length || 1), 1);
    const report = reportOf(rest, subject);
    const answer = await circuit.record(subject, permission, report);
    const asked = { permission, subject: subjectOf(subject) };
    return { answer, ask: (model: Model, now: number) => model.record(now, asked, report) };
  }

  async function beginHealth() {
    const permission = await circuit.beginHealth();
    if (permission !== null) healthCalls.unshift(permission);
    const ask = (model: Model, now: number) => model.beginHealth(now, permission ?? 'none');
    return { answer: permission !== null, ask };
  }

  async function endHealth({ which, ending, retryAfterMs }: Step & { do: 'end health' }) {
    const permission = healthCalls.at(which % (healthCalls.length || 1)) ?? 'none';
    const answer = await circuit.endHealth(permission, ending, retryAfterMs);
    const ask = (model: Model, now: number) => model.endHealth(now, permission, ending, retryAfterMs);
    return { answer, ask };
  }

  async function operate({ action, forMs }: Step & { do: 'operate' }, now: number) {
    const word = { actor, reason: 'because', ...(forMs === undefined ? {} : { until: now + forMs }) };
    const answer = await circuit.operate(action, word).then(() => 'done', refusedOrThrow);
    return { answer, ask: (model: Model, now: number) => model.operate(now, action, word) };
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
      case 'operate':
        return operate(step, now);
    }
  }

  return {
    /** `now` is for the ends of holds; the circuit reads its own clock. */
    async ask(step: Question, now: number): Promise<Exchange> {
      return { step, ...(await exchange(step, now)) };
    },
    crash(which: number): void {
      held.splice(which % (held.length || 1), 1);
    },
  };
}

/** Who records without a permission. */
const nobody: Held = { subject: { jobId: 'nobody', syncKey: 'ps-nobody' }, permission: 'made-up' };

function subjectOf({ syncKey, jobId }: Subject): string {
  return syncKey ?? `job:${jobId}`;
}

function reportOf(step: Omit<Step & { do: 'record' }, 'which' | 'again'>, subject: Subject): OutcomeReport {
  const { effect, durationMs, retryAfterMs, delivered } = step;
  const mayDeliver = effect === 'success' && subject.syncKey !== undefined;
  return aReport(effect, { durationMs, retryAfterMs, delivered: delivered && mayDeliver });
}

function refusedOrThrow(error: unknown): 'refused' {
  if (error instanceof IllegalMoveError) return 'refused';
  throw error;
}
