import type { BenchEnding, CircuitEffect } from '../../src/circuit/types.ts';
import type { Model, Seat } from './model.ts';

/** How a worker fares while Conexxus is well: what its calls and its health calls come to, in turn. */
export interface Way {
  readonly effects: readonly CircuitEffect[];
  readonly healths: readonly BenchEnding[];
  /** Calls at once. */
  readonly slots: number;
  /** Turns until a call is answered; 0: at once, before anybody else has a turn. */
  readonly slow: number;
}

/** The longest a turn lasts. */
export const TURN_MS = 1_000;

export const WELL: Way = { effects: ['success'], healths: ['healthy'], slots: 2, slow: 1 };

export interface Player {
  readonly seat: Seat;
  readonly way: Way;
}

/** Time and names, as of a model fleet. */
interface World {
  readonly model: Model;
  readonly now: () => number;
  readonly pass: (ms: number) => void;
  readonly unique: () => string;
}

interface Called {
  readonly subject: string;
  readonly permission: string;
  readonly answeredIn: number;
}

/** A worker at its work: what its gate and its slots do in one turn. */
function createActor({ model, now, unique }: World, { seat, way }: Player) {
  const asks = model.seat(seat);
  const count = { calls: 0, delivered: 0, ended: 0, healths: 0 };
  let held: Called[] = [];

  function ownHealth(): BenchEnding {
    count.calls += 1;
    count.healths += 1;
    return way.healths[count.healths % way.healths.length] ?? 'failed';
  }

  function record({ subject, permission }: Called): void {
    count.ended += 1;
    const effect = way.effects[count.ended % way.effects.length] ?? 'failure';
    const report = { effect, durationMs: 20, delivered: effect === 'success', event: {} };
    const { kind } = asks.record(now(), { subject, permission, report });
    if (effect === 'success' && kind === 'recorded') count.delivered += 1;
  }

  function call(): boolean {
    const [subject, permission] = [unique(), unique()];
    const { kind } = asks.acquire(now(), { subject, permission, jobId: subject });
    if (kind !== 'permitted') return false;
    count.calls += 1;
    held.push({ subject, permission, answeredIn: way.slow });
    if (way.slow === 0) held.splice(0).forEach(record);
    return true;
  }

  return {
    count,
    lookAround(): void {
      if (asks.attend(now(), { takes: true, first: false }).due)
        asks.endBench(now(), { ending: ownHealth() });
      const permission = unique();
      if (!asks.beginHealth(now(), permission)) return;
      const ending = ownHealth();
      asks.endHealth(now(), permission, ending === 'key-changed' ? 'healthy' : ending);
    },
    work(): void {
      held = held.map((called) => ({ ...called, answeredIn: called.answeredIn - 1 }));
      const due = held.filter(({ answeredIn }) => answeredIn <= 0);
      held = held.filter(({ answeredIn }) => answeredIn > 0);
      due.forEach(record);
      const { standing } = asks.attend(now(), { takes: true, first: false });
      const slots = standing === 'probation' ? 1 : way.slots;
      for (let i = held.length; i < slots && call(); i += 1);
    },
  };
}

export interface Recovery {
  /** It has closed, or was closed, and a well worker has delivered twice. */
  readonly recovered: boolean;
  readonly calls: number;
  readonly elapsedMs: number;
  readonly openings: number;
}

/**
 * Conexxus is well. Each turn the gates look around, then everybody calls who may, in the order of the
 * players: who comes first takes every place there is, and where it is sick, answers before the others.
 */
export function recover(world: World, players: readonly Player[], turns: number): Recovery {
  const { model, now, pass } = world;
  const [start, before] = [now(), model.transitions().length];
  const actors = players.map((player) => createActor(world, player));
  const well = actors.filter((_, i) => players[i]?.way === WELL);
  const reader = model.seat(players[0]?.seat ?? fail());
  const options = (players[0] ?? fail()).seat.options;
  const wasClosed = reader.status(now()).state === 'closed';
  const since = () => model.transitions().slice(before);
  const delivered = () => well.reduce((sum, { count }) => sum + count.delivered, 0);
  const isOver = () => delivered() >= 2 && (wasClosed || since().some((line) => line.startsWith('closed ')));
  for (let turn = 0; turn < turns && !isOver(); turn += 1) {
    for (const actor of actors) actor.lookAround();
    for (const actor of actors) actor.work();
    const due = model.boundaries(now(), options).map((at) => at - now());
    pass(Math.min(...due, TURN_MS));
  }
  return {
    recovered: isOver(),
    calls: actors.reduce((sum, { count }) => sum + count.calls, 0),
    elapsedMs: now() - start,
    openings: since().filter((line) => line.startsWith('open ')).length,
  };
}

function fail(): never {
  throw new Error('There are no players.');
}
