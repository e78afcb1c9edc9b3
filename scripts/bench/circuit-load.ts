/**
 * One process that acquires and records as fast as it can, begun at START_AT (ms since 1970), for
 * LOAD_MS; logs how many scripts that were.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { connectRedis } from '../../src/base/redis.ts';
import { acquire, defaultCircuit, deliveredReport, newSubject } from './circuit-work.ts';

const IN_FLIGHT = 50;
const { REDIS_URL = '', SYNC_NAMESPACE = '', START_AT = '0', LOAD_MS = '3000' } = process.env;

const redis = connectRedis(REDIS_URL, 'patient', (error) => console.error(error.message));
const circuit = defaultCircuit(redis, SYNC_NAMESPACE);
await redis.ping();
await delay(Math.max(0, Number(START_AT) - Date.now()));

const endsAt = performance.now() + Number(LOAD_MS);
let scripts = 0;

async function lane(): Promise<void> {
  while (performance.now() < endsAt) {
    const subject = newSubject();
    const permission = await acquire(circuit, subject);
    await circuit.record(subject, permission, deliveredReport(subject, permission));
    scripts += 2;
  }
}

await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
console.log(JSON.stringify({ msg: 'load made', scripts }));
redis.disconnect();
