import { Hono } from 'hono';
import type { FleetView } from '../sync/report/fleet.ts';

/** What pages show of the fleet. */
export type FleetSeen = Pick<FleetView, 'report' | 'workers' | 'now'>;

export interface FleetReader {
  look(): Promise<FleetSeen>;
}

/** `GET /circuit`: the circuit as it is now, and what keeps the queue paused. `GET /workers`: who is there. */
export function fleetRoutes(fleet: FleetReader): Hono {
  const routes = new Hono();
  routes.get('/circuit', async (c) => c.json((await fleet.look()).report));
  routes.get('/workers', async (c) => c.json((await fleet.look()).workers));
  return routes;
}
