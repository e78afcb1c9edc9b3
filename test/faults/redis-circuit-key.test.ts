import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { circuitKeys } from '../../src/circuit/keys.ts';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { type FaultStand, startFaultStand } from './fault-stand.ts';

let stand: FaultStand;
let key: string;

beforeAll(async () => {
  // Nothing here may heal by waiting.
  stand = await startFaultStand({ env: { CIRCUIT_OPEN: '600000', CIRCUIT_OPEN_MAX: '600000' } });
  [key = ''] = circuitKeys(stand.namespace, '').machine;
  await stand.startWorkers(2);
});

afterAll(async () => {
  await stand.close();
});

async function openWith(batch: string): Promise<void> {
  await stand.calm();
  await stand.simulator.setMode(503);
  await stand.enqueue(makeSales(20, batch));
  await stand.untilPaused();
  await stand.simulator.setMode('ok');
}

async function expectRebuilt(cause: string, since: number): Promise<void> {
  await stand.untilAtRest(30_000);
  expect(await stand.circuit.status()).toMatchObject({ state: 'closed' });
  expect((await stand.circuit.status()).epoch).toBeGreaterThan(since);
  const rows = await stand.database.sql`
    select payload->>'cause' as cause from event_log
    where event_type = 'conexxus.circuit.closed' and (payload->>'epoch')::bigint > ${since}`;
  expect([...rows]).toEqual([{ cause }]);
  await stand.expectSums();
}

describe('the key of the circuit', () => {
  it('[41] deleted while open: rebuilt closed and logged, the queue flows', async () => {
    await openWith('deleted');
    const { epoch } = await stand.circuit.status();
    await stand.redis.del(key);
    await expectRebuilt('missing', epoch);
  });

  it.each([
    ['another type', () => stand.redis.multi().del(key).set(key, 'junk').exec()],
    ['an unknown state', () => stand.redis.hset(key, 'state', 'ajar')],
    ['open without an end', () => stand.redis.hset(key, 'retryAt', 'tomorrow')],
    ['no epoch', () => stand.redis.hset(key, 'epoch', '-1e400')],
  ])('[41] junk while open (%s): rebuilt closed and logged, the queue flows', async (what, spoil) => {
    await openWith(what);
    const { epoch } = await stand.circuit.status();
    await spoil();
    await expectRebuilt('junk', epoch);
  });

  it("[41] deleted while a person's pause and an open circuit hold the queue: the person's stays", async () => {
    await openWith('paused');
    await stand.queue.pause();
    await stand.redis.del(key);
    await eventually(async () => expect(await stand.redis.hget(key, 'state')).toBe('closed'));
    expect(await stand.queue.isPaused()).toBe(true);
    await stand.queue.resume();
    await stand.untilAtRest(30_000);
    await stand.expectSums();
  });
});
