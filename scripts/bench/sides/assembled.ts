/** What one puts together in an afternoon: BullMQ, got, a breaker of each process's own, one awaited row a job. */
import { randomUUID } from 'node:crypto';
import type { Job } from 'bullmq';
import { drizzle } from 'drizzle-orm/postgres-js';
import CircuitBreaker from 'opossum';
import postgres from 'postgres';
import { eventLog } from '../../../src/events/schema.ts';
import { runSide } from './side.ts';

const database = drizzle(postgres(process.env['DATABASE_URL'] ?? '', { max: 4 }));

await runSide(({ push }) => {
  const breaker = new CircuitBreaker(push, { timeout: 30_000, errorThresholdPercentage: 50 });
  return async (job: Job) => {
    const status = await breaker.fire(job);
    await database.insert(eventLog).values({
      eventType: `conexxus.sync.succeeded.${job.name}`,
      aggregateId: job.id ?? '',
      locationId: 'store-1',
      timestamp: new Date(),
      payload: { httpStatus: status, attempt: job.attemptsMade + 1 },
      dedupeKey: randomUUID(),
    });
    return status;
  };
});
