import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openPostgres } from '../../src/base/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { aSale, sorted } from '../support/outbox.ts';
import type { RunningProcess } from '../support/process.ts';
import { testRedisUrl } from '../support/redis.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { type FaultStand, startFaultStand } from './fault-stand.ts';
import { aTill, halfRequest, headOf, PUSH, STORE, startIntake, tokenOf } from './intake-stand.ts';
import { type OutboxStand, startOutboxStand } from './outbox-stand.ts';
import { itOnServer, waitingStatements } from './postgres-server.ts';

/** After so many it is killed. */
const SALES_A_LIFE = 15;

/** Dies and is started again, time after time, until the tills are done. */
async function killed(stand: FaultStand, port: string, first: RunningProcess, done: () => boolean) {
  let intake = first;
  let deaths = 0;
  while (!done()) {
    const mine = intake;
    const taken = () => mine.logs.filter(({ msg }) => msg === 'jobs taken in').length;
    await eventually(() => expect(done() || taken() >= SALES_A_LIFE).toBe(true), 60_000);
    if (done()) break;
    intake.signal('SIGKILL');
    await intake.exited;
    deaths += 1;
    ({ intake } = await startIntake(stand, { INTAKE_PORT: port }));
  }
  return { intake, deaths };
}

/** Each till posts its sales one after the other, each until it is told that it is written. */
async function sellAll(till: ReturnType<typeof aTill>, tills: number, each: number) {
  const told = new Map<string, string>();
  const sell = async (name: number) => {
    for (let n = 0; n < each; n += 1) {
      const sale = aSale(`${name}-${n}`);
      await eventually(async () => {
        const { status, jobId = '' } = await till.tryPost(sale);
        expect(status).toBe(202);
        told.set(`${name}-${n}`, jobId);
      }, 60_000);
    }
  };
  await Promise.all(Array.from({ length: tills }, (_, name) => sell(name)));
  return told;
}

describe('[88] an intake that writes to the queue', () => {
  let stand: FaultStand;
  let token: string;

  beforeEach(async () => {
    stand = await startFaultStand();
    token = await tokenOf(stand);
  });
  afterEach(() => stand.close());

  it('says 202 for no sale that is not there, however often it is killed', async () => {
    const { intake: first, url, port } = await startIntake(stand);
    let isDone = false;
    const selling = sellAll(aTill(url, token), 5, 20).finally(() => {
      isDone = true;
    });
    const { intake, deaths } = await killed(stand, port, first, () => isDone);
    const told = await selling;
    expect(deaths).toBeGreaterThan(0);
    const waiting = await stand.redis.lrange(stand.queue.toKey('wait'), 0, -1);
    expect(sorted(waiting)).toEqual(sorted(told.values()));
    expect(told.size).toBe(100);
    for (const jobId of told.values()) stand.accept(jobId);
    await stand.startWorkers(1);
    await stand.untilAtRest(60_000);
    const applied = await stand.simulator.ledger({ path: '/api/v1/sales/push' });
    expect(applied).toHaveLength(100);
    const { text } = await aTill(url, token).get(`/v1/jobs/${waiting[0]}`);
    expect(JSON.parse(text)).toMatchObject({ state: 'delivered', locationId: STORE });
    await intake.stop();
    await stand.expectSums();
  });

  it('killed after the write and before its answer, knows the sale the next time', async () => {
    const redis = await startTcpProxy({ port: Number(new URL(testRedisUrl()).port) });
    const { intake, url, port } = await startIntake(stand, { REDIS_URL: redis.through(testRedisUrl()) });
    const sale = aSale('in-doubt');
    expect(await aTill(url, token).post(aSale('before'))).toMatchObject({ status: 202 });
    // So the answer of Redis is on its way for a while.
    redis.delayBy(400);
    const lost = aTill(url, token).tryPost(sale);
    await eventually(async () => expect(await stand.redis.llen(stand.queue.toKey('wait'))).toBe(2));
    intake.signal('SIGKILL');
    expect(await lost).toEqual({ status: 0 });
    const { intake: next } = await startIntake(stand, { INTAKE_PORT: port });
    expect(await aTill(url, token).post(sale)).toMatchObject({ status: 202, said: 'known' });
    expect(await stand.redis.llen(stand.queue.toKey('wait'))).toBe(2);
    await next.stop();
    await redis.stop();
  });

  it('has one job of twenty equal posts at two intakes', async () => {
    const [one, other] = await Promise.all([startIntake(stand), startIntake(stand)]);
    const posts = Array.from({ length: 20 }, (_, n) =>
      aTill(n % 2 === 0 ? one.url : other.url, token).post(aSale('twenty')),
    );
    const answers = await Promise.all(posts);
    expect(sorted(answers.map(({ said = '' }) => said))).toEqual(['accepted', ...Array(19).fill('known')]);
    expect(await stand.redis.llen(stand.queue.toKey('wait'))).toBe(1);
    await Promise.all([one.intake.stop(), other.intake.stop()]);
  });

  it('has each line of a batch whole or not at all where the client is gone in the middle', async () => {
    const { intake, url } = await startIntake(stand);
    const lines = Array.from({ length: 700 }, (_, n) => JSON.stringify(aSale(`line-${n}`)));
    const body = lines.join('\n');
    const cut = body.slice(0, body.indexOf('line-600') + 30);
    const head = headOf(token, `${PUSH}/batch`, 'application/x-ndjson', Buffer.byteLength(body));
    await halfRequest(url, head, cut);
    await intake.waitForLog(({ problem }) => problem === 'incomplete-body');
    const jobs = await stand.queue.getJobs(['waiting']);
    const whole = new Set(lines);
    expect(jobs.length).toBeGreaterThanOrEqual(500);
    expect(jobs.every(({ data }) => whole.has(JSON.stringify(data)))).toBe(true);
    expect(jobs.length).toBeLessThanOrEqual(600);
    // And one sale alone: nothing.
    const alone = JSON.stringify(aSale('alone'));
    await halfRequest(url, headOf(token, PUSH, 'application/json', alone.length), alone.slice(0, -1));
    await eventually(async () => {
      const problems = intake.logs.filter(({ problem }) => problem === 'incomplete-body');
      expect(problems.map(({ operation }) => operation)).toContain('push_sales');
    });
    expect(await stand.queue.getJobs(['waiting'])).toHaveLength(jobs.length);
    await intake.stop();
  });

  it('refuses the sales and questions of another store', async () => {
    const { intake, url } = await startIntake(stand);
    const till = aTill(url, token);
    expect(await till.post(aSale('theirs', { locationId: 'store-2' }))).toMatchObject({ status: 403 });
    const { jobId } = await stand.producer.pushSales(aSale('sold-there', { locationId: 'store-2' }));
    expect((await till.get(`/v1/jobs/${jobId}`)).status).toBe(404);
    expect((await till.get('/v1/sales/sold-there')).status).toBe(404);
    expect((await till.get('/v1/sales/sold-there?location=store-2')).status).toBe(403);
    expect(JSON.parse((await till.get('/v1/pending')).text)).toMatchObject({ pending: [] });
    expect(await stand.redis.llen(stand.queue.toKey('wait'))).toBe(1);
    await intake.stop();
  });
});

describe('[88] an intake that writes to the outbox', () => {
  let stand: OutboxStand;
  let token: string;

  beforeEach(async () => {
    stand = await startOutboxStand();
    token = await tokenOf(stand);
  });
  afterEach(() => stand.close());

  it('says 202 for no sale that is not there, however often it is killed, and each is applied once', async () => {
    const { intake: first, url, port } = await startIntake(stand);
    let isDone = false;
    const selling = sellAll(aTill(url, token), 5, 20).finally(() => {
      isDone = true;
    });
    const { intake, deaths } = await killed(stand, port, first, () => isDone);
    const told = await selling;
    expect(deaths).toBeGreaterThan(0);
    const rows = await stand.till`select data -> 'transactions' -> 0 ->> 'id' as id from conexxus.outbox`;
    expect(sorted(rows.map(({ id }) => String(id)))).toEqual(sorted(told.keys()));
    await stand.startWorkers(1);
    await stand.startRelay();
    await stand.untilSettled();
    expect([...(await stand.applied()).values()]).toEqual(Array(100).fill(1));
    const { text } = await aTill(url, token).get(`/v1/jobs/${told.get('0-0')}`);
    expect(JSON.parse(text)).toMatchObject({ state: 'delivered', sales: [{ transactionId: '0-0' }] });
    expect(JSON.parse((await aTill(url, token).get('/v1/sales/0-0')).text)).toMatchObject({
      sales: [{ state: 'delivered', locationId: STORE }],
    });
    await intake.stop();
  });

  itOnServer('killed before the commit, has written nothing and said nothing', async () => {
    const { intake, url, port } = await startIntake(stand);
    const somebody = openPostgres(stand.databaseUrl, { max: 1 });
    await somebody.unsafe('begin; lock table conexxus.outbox in share row exclusive mode');
    const posts = ['T-1', 'T-2', 'T-3'].map((id) => aTill(url, token).tryPost(aSale(id)));
    await eventually(async () => expect(await waitingStatements(stand.till)).toBeGreaterThan(0));
    intake.signal('SIGKILL');
    expect(await Promise.all(posts)).toEqual(posts.map(() => ({ status: 0 })));
    await somebody.unsafe('rollback');
    await somebody.end();
    // Its backend finds out that nobody is there.
    await eventually(async () => expect(await waitingStatements(stand.till)).toBe(0));
    const next = await startIntake(stand, { INTAKE_PORT: port });
    const again = await Promise.all(['T-1', 'T-2', 'T-3'].map((id) => aTill(url, token).post(aSale(id))));
    expect(again.map(({ status }) => status)).toEqual([202, 202, 202]);
    expect(await stand.till`select from conexxus.outbox`).toHaveLength(3);
    expect(await stand.till`select from conexxus.intake`).toHaveLength(3);
    await next.intake.stop();
  });

  it('has one row of twenty equal posts at two intakes', async () => {
    const [one, other] = await Promise.all([startIntake(stand), startIntake(stand)]);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        aTill(n % 2 === 0 ? one.url : other.url, token).post(aSale('twenty')),
      ),
    );
    expect(sorted(answers.map(({ said = '' }) => said))).toEqual(['accepted', ...Array(19).fill('known')]);
    expect(await stand.till`select from conexxus.outbox`).toHaveLength(1);
    await Promise.all([one.intake.stop(), other.intake.stop()]);
  });

  it('has each line of a batch whole or not at all where the client is gone in the middle', async () => {
    const { intake, url } = await startIntake(stand);
    const lines = Array.from({ length: 700 }, (_, n) => JSON.stringify(aSale(`line-${n}`)));
    const body = lines.join('\n');
    const head = headOf(token, `${PUSH}/batch`, 'application/x-ndjson', Buffer.byteLength(body));
    await halfRequest(url, head, body.slice(0, body.indexOf('line-600') + 30));
    await intake.waitForLog(({ problem }) => problem === 'incomplete-body');
    const rows = await stand.till`select data from conexxus.outbox`;
    expect(rows).toHaveLength(500);
    expect(rows.every(({ data }) => data.transactions.length === 1)).toBe(true);
    await intake.stop();
  });
});
