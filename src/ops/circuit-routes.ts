import { Hono } from 'hono';
import type { CircuitStatus } from '../circuit/types.ts';

export interface CircuitReader {
  status(): Promise<CircuitStatus>;
}

/** Everything that keeps the queue paused now; none: it runs. */
export interface PauseReader {
  pausedBy(): Promise<readonly string[]>;
}

/** `GET /`: the circuit as it is now, and what keeps the queue paused. */
export function circuitRoutes(circuit: CircuitReader, pause: PauseReader): Hono {
  const routes = new Hono();
  routes.get('/', async (c) => {
    const [status, pausedBy] = await Promise.all([circuit.status(), pause.pausedBy()]);
    return c.json({
      state: status.state,
      phase: status.phase,
      epoch: status.epoch,
      since: status.since,
      cause: status.cause,
      retryAt: status.retryAt,
      cooldownUntil: status.cooldownUntil,
      failures: status.failures,
      successes: status.successes,
      hold: status.hold,
      bypass: status.bypass,
      pausedBy,
    });
  });
  return routes;
}
