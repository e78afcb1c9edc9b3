import type { CircuitOptions } from '../../src/circuit/options.ts';
import { START } from './harness.ts';
import { FLEET, OLDER_VERSION, type Step } from './histories.ts';
import { createModel, type Model, type Seat } from './model.ts';
import { ANONYMOUS } from './model-workers.ts';
import { type Asked, createProcess, type Process, subjectOf } from './process.ts';

/** The processes of a history: one that dies is followed by another worker in its place. */
export function createFleet(options: readonly CircuitOptions[], asked: (seat: Seat) => Asked) {
  const start = (index: number, life: number) => {
    const seat = seatOf(options, index, life);
    return { seat, life, process: createProcess(asked(seat), seat) };
  };
  const running = Array.from({ length: FLEET }, (_, index) => start(index, 0));
  const at = (index: number) => running[index] ?? missing(index);
  return {
    process: (index: number): Process => at(index).process,
    seat: (index: number): Seat => at(index).seat,
    die(index: number): void {
      running[index] = start(index, at(index).life + 1);
    },
  };
}

function seatOf(all: readonly CircuitOptions[], index: number, life: number): Seat {
  const options = all[index] ?? missing(index);
  return { worker: index === OLDER_VERSION ? ANONYMOUS : `worker-${index}-${life}`, options };
}

function missing(index: number): never {
  throw new Error(`There is no process ${index}.`);
}

/** A fleet that lives a history on the model alone, with a clock of its own. */
export function createModelFleet(options: readonly CircuitOptions[]) {
  const model = createModel();
  let now = START;
  let names = 0;
  const unique = () => `unique-${(names += 1)}`;
  const fleet = createFleet(options, (seat) => askModel(model, seat, () => now, unique));

  function passToBoundary({ which, offset }: Step & { do: 'pass to boundary' }): void {
    const due = model.boundaries(now, fleet.seat(0).options);
    const at = due[which % (due.length || 1)];
    if (at !== undefined) now = Math.max(now, at + offset);
  }

  return {
    ...fleet,
    model,
    unique,
    now: () => now,
    pass(ms: number): void {
      now += ms;
    },
    async live(steps: readonly Step[]): Promise<void> {
      for (const step of steps) {
        if (step.do === 'pass') now += step.ms;
        else if (step.do === 'pass to boundary') passToBoundary(step);
        else if (step.do === 'lose') model.lose(step.how);
        else if (step.do === 'die') fleet.die(step.worker);
        else if (step.do === 'drop') fleet.process(step.worker).drop(step.which);
        else await fleet.process(step.worker).ask(step, now);
      }
    },
  };
}

/** The model in the place of the circuit and its gate. */
function askModel(model: Model, seat: Seat, now: () => number, unique: () => string): Asked {
  const asks = model.seat(seat);
  return {
    acquire: async (subject) =>
      asks.acquire(now(), { permission: unique(), jobId: subject.jobId, subject: subjectOf(subject) }),
    record: async (subject, permission, report) =>
      asks.record(now(), { subject: subjectOf(subject), permission, report }),
    async beginHealth() {
      const permission = unique();
      return asks.beginHealth(now(), permission) ? permission : null;
    },
    endHealth: async (permission, ending, retryAfterMs) =>
      asks.endHealth(now(), permission, ending, retryAfterMs),
    attend: async (attendance) => asks.attend(now(), attendance),
    endBench: async (ending, retryAfterMs) => asks.endBench(now(), { ending, retryAfterMs }),
    async operate(action, word) {
      asks.operate(now(), action, word);
    },
  };
}
