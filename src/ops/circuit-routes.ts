import { Hono } from 'hono';
import type { CircuitStatus } from '../circuit/types.ts';
import { circuitReport } from '../sync/report/circuit-report.ts';

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
    return c.json(circuitReport(status, pausedBy));
  });
  return routes;
}
