import type { FleetView } from '../sync/report/fleet.ts';

/** What pages show of the fleet. */
export type FleetSeen = Pick<FleetView, 'report' | 'workers' | 'now'>;

export interface FleetReader {
  look(): Promise<FleetSeen>;
}
