import { Hono } from 'hono';
import type { Fleet } from '../sync/report/fleet.ts';

export type FleetReader = Pick<Fleet, 'look'>;

/** `GET /circuit`: the circuit as it is now, and what keeps the queue paused. `GET /workers`: who is there. */
export function fleetRoutes(fleet: FleetReader): Hono {
  const routes = new Hono();
  routes.get('/circuit', async (c) => c.json((await fleet.look()).report));
  routes.get('/workers', async (c) => c.json((await fleet.look()).workers));
  return routes;
}
