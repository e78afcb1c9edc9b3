import { Worker } from 'bullmq';

/**
 * The worker with a consumer that gets stuck, as by a bug of ours or of BullMQ: `STUCK=end`: its loop ends by
 * itself; `fetch`: it asks for a job and never hears; `slots`: whatever job it takes never ends.
 */
const never = () => new Promise(() => undefined);
const BUGS: Readonly<Record<string, readonly [method: string, bug: () => Promise<unknown>]>> = {
  end: ['waitForRateLimit', () => Promise.reject(new Error('a bug'))],
  fetch: ['moveToActive', never],
  slots: ['callProcessJob', never],
};

const [method, bug] = BUGS[process.env['STUCK'] ?? ''] ?? [];
if (method === undefined) throw new Error('STUCK says how: end, fetch or slots.');
Reflect.set(Worker.prototype, method, bug);
await import('../../src/worker.ts');
