import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { PushSales } from '../../src/index.ts';
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
      { match: { path: SALES_PATH, times: 1 }, fault: { kind: 'status', status: 500, apply: true } },
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

  it('[66] first try hangs and is rolled back, 409 "in progress", then 200: applied once, completed last', async () => {
    const body = { success: false, error: 'Request with this key is in progress' };
    await stand.simulator.setFaults([
      { match: { path: SALES_PATH, times: 1 }, fault: { kind: 'hang' } },
      { match: { path: SALES_PATH, times: 1 }, fault: { kind: 'status', status: 409, body } },
    ]);
    const [jobId = ''] = await stand.enqueue(makeSales(1, 'row-66'));
    await stand.untilAtRest(30_000);

    expect((await stand.queue.getJob(jobId))?.returnvalue).toEqual({ status: 'delivered' });
    const calls = await stand.calls(jobId);
    expect(calls.map(({ applied }) => applied)).toEqual([false, false, true]);
    const outcomes = (await stand.failures([jobId])).map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['transient', 'in_doubt']);
    const job = await stand.queue.getJob(jobId);
    // The hanging try alone was counted.
    expect(job?.attemptsMade).toBe(2);
    await stand.expectSums();
  }, 60_000);

  it.each([200, 207])(
    '[67] %d that refuses one sale of three inside: delivered, flagged, and found by the id of the sale',
    async (status) => {
      const at = `row-67-${status}`;
      const data = { accepted: 2, rejected: [{ id: `${at}-1`, reason: 'Unknown SKU 4711' }] };
      const body = { success: true, data, timestamp: new Date().toISOString() };
      await stand.simulator.setFaults([
        { match: { transactionId: `${at}-1` }, fault: { kind: 'status', status, body, apply: true } },
      ]);
      const [jobId = ''] = await stand.enqueue([together(makeSales(3, at))]);
      await stand.untilAtRest();

      expect((await stand.queue.getJob(jobId))?.returnvalue).toEqual({ status: 'delivered' });
      expect(await stand.calls(jobId)).toHaveLength(1);
      expect(await rowsOf(`${at}-1`)).toEqual([
        {
          type: 'conexxus.sync.succeeded.push_sales',
          flagged: true,
          refused: [`${at}-1`],
          answer: JSON.stringify(body),
        },
      ]);
      await stand.expectSums();
    },
    40_000,
  );

  it('[67] what else was answered is in the row too: 1,000 characters, without secrets, and in no log', async () => {
    const page = `<p>Key ${stand.simulator.apiKey} is busy</p>`;
    const filler = '😀'.repeat(1_000);
    await stand.simulator.setFaults([
      { match: { transactionId: 'row-67-0', times: 1 }, fault: { kind: 'status', status: 503, body: page } },
      { match: { transactionId: 'row-67-1', times: 1 }, fault: refusal(422, `x${filler}`) },
    ]);
    await stand.enqueue(makeSales(2, 'row-67'));
    await stand.untilAtRest();

    const [unwell, delivery] = await rowsOf('row-67-0');
    expect(unwell?.answer).toBe('<p>Key [redacted] is busy</p>');
    expect(delivery?.answer).toMatch(/^\{"success":true,"data":\{"locationId":"store-1".*\}$/);
    expect(delivery?.flagged).toBeNull();
    const [refused] = await rowsOf('row-67-1');
    expect(refused?.answer).toMatch(/^\{"success":false,"error":"x(?:😀)+$/u);
    expect([999, 1_000]).toContain(refused?.answer?.length);
    const logs = stand.workers.flatMap(({ logs }) => logs.map((line) => JSON.stringify(line)));
    expect(logs.filter((line) => line.includes('is busy'))).toEqual([]);
    await stand.expectSums();
  }, 40_000);
});

/** One payload of all their transactions. */
function together(sales: readonly PushSales[]): PushSales {
  const [first] = sales;
  if (first === undefined) throw new Error('no sales');
  return { ...first, transactions: sales.flatMap(({ transactions }) => transactions) };
}

interface AnswerRow {
  readonly type: string;
  readonly flagged: boolean | null;
  readonly refused: string[] | null;
  readonly answer: string | null;
}

/** The attempts of a sale, by its transaction id. */
async function rowsOf(transactionId: string): Promise<AnswerRow[]> {
  const rows = await stand.database.sql<AnswerRow[]>`
    select event_type as type, (payload->>'flagged')::boolean as flagged, payload->'refused' as refused,
      payload->>'answer' as answer
    from event_log
    where transaction_ids @> array[${transactionId}] and event_type not like 'conexxus.sync.dead_lettered.%'
    order by "timestamp"`;
  return [...rows];
}

async function listen(server: Server): Promise<number> {
  // Unreferenced: a row that fails must not keep the test run alive.
  await new Promise<void>((resolve) => server.unref().listen(0, 'localhost', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the other host has no port');
  return address.port;
}
