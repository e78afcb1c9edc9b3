import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { loadConfig } from '../../src/base/config/config.ts';
import { type Circuit, createCircuit } from '../../src/circuit/circuit.ts';
import type { OutcomeReport, Subject } from '../../src/circuit/types.ts';
import { eventStreamKey } from '../../src/events/event.ts';
import { gateOptionsOf } from '../../src/sync/settings.ts';
import { attemptEvent } from '../../src/sync/sync-event.ts';
import { makeSales } from '../../test/support/sales.ts';

/** A circuit with the defaults of a worker. */
export function defaultCircuit(redis: Redis, namespace: string): Circuit {
  const { circuit } = loadConfig('circuit', {});
  const settings = { circuit, eventBacklogMax: 100_000, fleetConcurrency: 0, callTimeoutMs: 30_000 };
  const options = gateOptionsOf(settings).circuit;
  return createCircuit({ redis, namespace, eventStream: eventStreamKey(namespace), options });
}

/** A job as the processor names it: its sync key is its id. */
export function newSubject(): Subject {
  const jobId = `ps-${randomUUID()}${randomUUID().slice(0, 28)}`;
  return { jobId, syncKey: jobId };
}

const SALE = JSON.stringify(makeSales(1)[0]);

/** What the processor reports of a delivered sale, its event included. */
export function deliveredReport({ jobId }: Subject, permission: string): OutcomeReport {
  const attempt = { outcome: 'delivered', attempt: 1, durationMs: 40, httpStatus: 200 } as const;
  const job = { jobId, name: 'push_sales', json: SALE, locationId: 'store-1', transactionIds: ['a-0'] };
  const event = attemptEvent(job, permission, attempt, (text) => text);
  return { effect: 'success', durationMs: 40, delivered: true, event };
}

export async function acquire(circuit: Circuit, subject: Subject): Promise<string> {
  const acquired = await circuit.acquire(subject);
  if (acquired.kind !== 'permitted') throw new Error(`Expected a permission, got ${acquired.kind}.`);
  return acquired.permission;
}
