import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { makeSales } from '../support/sales.ts';
import type { Fault } from '../support/simulator/protocol.ts';
import { type FaultStand, SALES_PATH, startFaultStand } from './fault-stand.ts';

const REJECTIONS = 10;
const CONCURRENCY = 4;

let stand: FaultStand;

beforeAll(async () => {
  stand = await startFaultStand({
    env: { CIRCUIT_REJECTIONS: String(REJECTIONS), WORKER_CONCURRENCY: String(CONCURRENCY) },
  });
  await stand.startWorker();
}, 60_000);

afterAll(() => stand.close());

beforeEach(() => stand.calm());

function refusal(status: number, error: string): Fault {
  return { kind: 'status', status, body: { success: false, error, timestamp: new Date().toISOString() } };
}

async function reasonOf(jobId = ''): Promise<string | undefined> {
  return (await stand.queue.getJob(jobId))?.failedReason;
}

describe('what the API answers', () => {
  it("[8] 400 and 422 to a few: dead-lettered at once with the API's reason, circuit unmoved, others flow", async () => {
    const before = await stand.circuit.status();
    await stand.simulator.setFaults([
      { match: { transactionId: 'row-8-0' }, fault: refusal(400, 'No such store') },
      { match: { transactionId: 'row-8-3' }, fault: refusal(422, 'Unknown SKU 4711') },
    ]);
    const jobIds = await stand.enqueue(makeSales(10, 'row-8'));
    await stand.untilAtRest();

    const dead = [jobIds[0], jobIds[3]];
    expect(await reasonOf(dead[0])).toContain('No such store');
    expect(await reasonOf(dead[1])).toContain('Unknown SKU 4711');
    for (const jobId of dead) expect(await stand.calls(jobId ?? '')).toHaveLength(1);
    expect((await stand.states(jobIds)).filter((state) => state === 'completed')).toHaveLength(8);
    expect(await stand.circuit.status()).toMatchObject({ state: 'closed', epoch: before.epoch, failures: 0 });
    await stand.expectSums();
  }, 40_000);

  it('[8] every sale refused: the circuit opens with cause rejecting, the rest is kept', async () => {
    // The health call is refused too, so that no trial spends another sale.
    await stand.simulator.setMode(refusal(422, 'Schema is being changed'));
    const jobIds = await stand.enqueue(makeSales(40, 'row-8-limit'));
    await stand.untilPaused();
    await stand.simulator.setMode('ok');
    await stand.untilAtRest();

    expect((await stand.openings())[0]).toBe('rejecting');
    const dead = (await stand.states(jobIds)).filter((state) => state === 'failed').length;
    expect(dead).toBeGreaterThanOrEqual(REJECTIONS);
    expect(dead).toBeLessThan(REJECTIONS + CONCURRENCY);
    await stand.expectSums();
  }, 40_000);

  it.each([301, 308])(
    '[9] %d: opens at once, cause named, nothing burnt; without it all flows',
    async (status) => {
      const headers = { location: `${stand.simulator.url}/elsewhere` };
      await stand.simulator.setMode({ kind: 'status', status, headers });
      const jobIds = await stand.enqueue(makeSales(5, `row-9-${status}`));
      await stand.untilPaused();
      expect(await stand.attemptsSpent(jobIds)).toBe(0);
      await stand.simulator.setMode('ok');
      await stand.untilAtRest();

      expect(new Set(await stand.openings())).toEqual(new Set(['misconfigured']));
      expect((await stand.failures(jobIds))[0]).toMatchObject({
        outcome: 'misconfigured',
        code: `http_${status}`,
      });
      expect(new Set(await stand.states(jobIds))).toEqual(new Set(['completed']));
      await stand.expectSums();
    },
    40_000,
  );

  it('[10] 200 with success:false: rejected, with the reason', async () => {
    await stand.simulator.setFaults([
      {
        match: { path: SALES_PATH, times: 1 },
        fault: { kind: 'successFalse', error: 'Day is closed already' },
      },
    ]);
    const jobIds = await stand.enqueue(makeSales(1, 'row-10'));
    await stand.untilAtRest();

    expect(await stand.failures(jobIds)).toMatchObject([{ outcome: 'rejected', code: 'refused' }]);
    expect(await reasonOf(jobIds[0])).toContain('Day is closed already');
    expect(await stand.calls(jobIds[0] ?? '')).toHaveLength(1);
    await stand.expectSums();
  }, 40_000);

  it.each<{ answer: string; fault: Fault; code: string }>([
    { answer: 'HTML', fault: { kind: 'html', apply: true }, code: 'invalid_answer' },
    { answer: 'half of its body', fault: { kind: 'truncated' }, code: 'connection_reset' },
    { answer: 'a wrong content type', fault: { kind: 'wrongContentType' }, code: 'invalid_answer' },
    { answer: 'a wrong shape', fault: { kind: 'wrongShape' }, code: 'invalid_answer' },
  ])(
    '[11] 200 with $answer: transient, sent again with the same key',
    async ({ answer, fault, code }) => {
      await stand.simulator.setFaults([{ match: { path: SALES_PATH, times: 1 }, fault }]);
      const [jobId = ''] = await stand.enqueue(makeSales(1, `row-11-${answer}`));
      await stand.untilAtRest();

      expect(await stand.failures([jobId])).toMatchObject([{ outcome: 'transient', code }]);
      expect((await stand.calls(jobId)).map(({ applied }) => applied)).toEqual([true, false]);
      expect(await stand.states([jobId])).toEqual(['completed']);
      stand.lostAnswers.add(jobId);
      await stand.expectSums();
    },
    40_000,
  );

  it('[13] 302 to another host: refused, nothing ever leaves for that host', async () => {
    let visits = 0;
    const other = createServer((_request, response) => {
      visits += 1;
      response.end('{}');
    });
    const location = `http://localhost:${await listen(other)}/api/v1/sales/push`;
    await stand.simulator.setMode({ kind: 'status', status: 302, headers: { location } });
    const jobIds = await stand.enqueue(makeSales(5, 'row-13'));
    await stand.untilPaused();
    expect(await stand.attemptsSpent(jobIds)).toBe(0);
    await stand.simulator.setMode('ok');
    await stand.untilAtRest();

    const [failure] = await stand.failures(jobIds);
    expect(failure).toMatchObject({ outcome: 'misconfigured', code: 'http_302' });
    expect(failure?.message).toContain('not followed (check CONEXXUS_API_URL)');
    expect(visits).toBe(0);

    await stand.expectSums();
  }, 40_000);

  it('[16] 409: completed, marked duplicate', async () => {
    await stand.simulator.setSettings({ idempotency: 'conflict' });
    await stand.simulator.setFaults([
      { match: { path: SALES_PATH, times: 1 }, fault: { kind: 'resetAfterApply' } },
    ]);
    const [jobId = ''] = await stand.enqueue(makeSales(1, 'row-16'));
    await stand.untilAtRest();
    await stand.simulator.setSettings({ idempotency: 'replay' });

    expect((await stand.queue.getJob(jobId))?.returnvalue).toEqual({ status: 'duplicate' });
    const [row] = await stand.database.sql`
      select payload from event_log
      where event_type = 'conexxus.sync.succeeded.push_sales' and aggregate_id = ${jobId}`;
    expect(row?.['payload']).toMatchObject({ duplicate: true, httpStatus: 409, outcome: 'delivered' });
    await stand.expectSums();
  }, 40_000);
});

async function listen(server: Server): Promise<number> {
  // Unreferenced: a row that fails must not keep the test run alive.
  await new Promise<void>((resolve) => server.unref().listen(0, 'localhost', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the other host has no port');
  return address.port;
}
