import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { PushSales } from '../../src/index.ts';
import { FIRST_PENDING, type PendingPlace, readPending } from '../../src/outbox/pending.ts';
import { forgetPosted, readPosted, writePosted } from '../../src/outbox/posted.ts';
import { parseJob, type SyncJob } from '../../src/sync/jobs/jobs.ts';
import { aSale, ringUp, sorted } from '../support/outbox.ts';
import { type RelayBench, relayBench, relayOn } from './relay-bench.ts';

let bench: RelayBench;

beforeAll(async () => {
  bench = await relayBench();
});
afterEach(async () => {
  await bench.empty();
  await bench.sql`truncate conexxus.intake`;
});
afterAll(() => bench.close());

function jobOf(data: unknown, name = 'push_sales'): SyncJob {
  const parsed = parseJob(name, data);
  if (!parsed.ok) throw new Error('not valid');
  return parsed.job;
}

const write = (...sales: PushSales[]) =>
  bench.database.write((tx) =>
    writePosted(
      tx,
      sales.map((data) => ({ job: jobOf(data), token: 'till' })),
    ),
  );
const read = (...jobIds: string[]) => bench.database.read((tx) => readPosted(tx, jobIds));

async function statesOf(jobId: string) {
  const [fate] = await read(jobId);
  return fate?.sales.map(({ transactionId, state }) => [transactionId, state]);
}

/** Several sales at once, as one payload. */
function several(...ids: string[]): PushSales {
  const transactions = ids.flatMap((id) => aSale(id).transactions);
  return { ...aSale('x'), transactions };
}

async function settle(state: string, refused: readonly string[] = []): Promise<void> {
  await bench.sql`
    update conexxus.payload set state = ${state}, reason = 'because', refused = ${`{${refused.join()}}`}::text[]`;
}

describe('what was posted', () => {
  it('is written once, with its row, and known from then on', async () => {
    const [first, second] = await write(aSale('T-1'), aSale('T-2'));
    expect([first, second]).toMatchObject([{ isNew: true }, { isNew: true }]);
    expect(await write(aSale('T-1'), aSale('T-3'), aSale('T-3'))).toEqual([
      { jobId: first?.jobId, isNew: false },
      { jobId: expect.any(String), isNew: true },
      { jobId: expect.any(String), isNew: false },
    ]);
    const rows = await bench.sql`select job_name, data from conexxus.outbox order by id`;
    expect(sorted(rows.map(({ data }) => String(data.transactions[0].id)))).toEqual(['T-1', 'T-2', 'T-3']);
    expect(
      await bench.sql`select job_id, token, location_id, date::text, transaction_ids from conexxus.intake
      where job_id = ${first?.jobId ?? ''}`,
    ).toEqual([
      {
        job_id: first?.jobId,
        token: 'till',
        location_id: 'store-1',
        date: '2026-11-24',
        transaction_ids: ['T-1'],
      },
    ]);
  });

  it('is written in the order in which it was given, so that a correction comes later', async () => {
    const ids = Array.from({ length: 20 }, (_, n) => `T-${n}`);
    const sales = [...ids.map((id) => aSale(id)), aSale('T-3', { note: 'corrected' })];
    await write(...sales);
    const rows = await bench.sql`select data from conexxus.outbox order by xid, id`;
    expect(rows.map(({ data }) => data)).toEqual(sales);
  });

  it('is written whole, or not at all', async () => {
    const job = jobOf(aSale('bad'));
    const bad = { job: { ...job, data: { ...aSale('bad'), nul: '\0' } }, token: 'till' };
    const posted = [{ job: jobOf(aSale('good')), token: 'till' }, bad];
    await expect(bench.database.write((tx) => writePosted(tx, posted))).rejects.toMatchObject({
      cause: { code: '22P05' },
    });
    expect(await bench.sql`select from conexxus.outbox`).toHaveLength(0);
    expect(await bench.sql`select from conexxus.intake`).toHaveLength(0);
  });

  it('keeps what Postgres has another use for', async () => {
    const id = String.raw`a"b\c{d},'e' ${'$1'} 😀`;
    const [written] = await write(aSale(id, { locationId: id, date: '0001-01-01' }));
    expect(await read(written?.jobId ?? '')).toMatchObject([
      { locationId: id, date: '0001-01-01', sales: [{ transactionId: id, state: 'waiting' }] },
    ]);
  });

  it('waits until a relay takes it, then goes its way', async () => {
    const relay = relayOn(bench);
    const [written] = await write(several('T-1', 'T-2'));
    const jobId = written?.jobId ?? '';
    expect(await statesOf(jobId)).toEqual([
      ['T-1', 'waiting'],
      ['T-2', 'waiting'],
    ]);
    await relay.step();
    expect(await statesOf(jobId)).toEqual([
      ['T-1', 'enqueued'],
      ['T-2', 'enqueued'],
    ]);
    await settle('flagged', ['T-2']);
    expect(await statesOf(jobId)).toEqual([
      ['T-1', 'delivered'],
      ['T-2', 'flagged'],
    ]);
    await settle('dead');
    expect((await read(jobId))[0]?.sales[0]).toMatchObject({ state: 'dead', reason: 'because' });
    await bench.sql`truncate conexxus.sale, conexxus.payload`;
    expect(await statesOf(jobId)).toEqual([
      ['T-1', 'gone'],
      ['T-2', 'gone'],
    ]);
  });

  it('of a sale that a till wrote before shares its fate', async () => {
    const relay = relayOn(bench);
    await ringUp(bench.sql, aSale('T-1'));
    await relay.step();
    await settle('delivered');
    const [written] = await write(aSale('T-1'));
    expect(written?.isNew).toBe(true);
    await relay.step();
    expect(await statesOf(written?.jobId ?? '')).toEqual([['T-1', 'delivered']]);
  });

  it('of a correction waits, though what it corrects is delivered', async () => {
    const relay = relayOn(bench);
    const [first] = await write(aSale('T-1'));
    await relay.step();
    await settle('delivered');
    const { transactions, ...day } = aSale('T-1');
    const [corrected] = await write({
      ...day,
      transactions: transactions.map((one) => ({ ...one, total: 8 })),
    });
    expect(await statesOf(corrected?.jobId ?? '')).toEqual([['T-1', 'waiting']]);
    await relay.step();
    expect(await statesOf(corrected?.jobId ?? '')).toEqual([['T-1', 'enqueued']]);
    expect(await statesOf(first?.jobId ?? '')).toEqual([['T-1', 'delivered']]);
  });

  it('of a summary alone has a fate, too', async () => {
    const relay = relayOn(bench);
    const [written] = await write({ ...aSale('x'), transactions: [], summary: { totalOrders: 3 } });
    expect(await statesOf(written?.jobId ?? '')).toEqual([[null, 'waiting']]);
    await relay.step();
    expect(await statesOf(written?.jobId ?? '')).toEqual([[null, 'enqueued']]);
  });

  it('is forgotten after its time', async () => {
    const [old, young] = await write(aSale('old'), aSale('young'));
    await bench.sql`
      update conexxus.intake set created_at = now() - interval '2 hours' where job_id = ${old?.jobId ?? ''}`;
    const forget = () => bench.database.write((tx) => forgetPosted(tx, 3_600_000));
    expect([await forget(), await forget()]).toEqual([1, 0]);
    expect(await read(old?.jobId ?? '', young?.jobId ?? '')).toMatchObject([{ jobId: young?.jobId }]);
  });
});

describe('what is pending', () => {
  /** By the pages, each with the transactions that it has. */
  async function walk(locationIds: readonly string[], limit: number) {
    const pages: string[][] = [];
    let place: PendingPlace | null = FIRST_PENDING;
    while (place !== null) {
      const from: PendingPlace = place;
      const page = await bench.database.read((tx) => readPending(tx, locationIds, from, limit));
      pages.push(
        page.sales.flatMap(({ state, transactionIds }) => transactionIds.map((id) => `${state} ${id}`)),
      );
      place = page.next;
    }
    return pages;
  }

  it('is told page by page, from the outbox to the queue, of these stores alone', async () => {
    const relay = relayOn(bench, { batch: 2, window: 2 });
    await write(...['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((id) => aSale(id)));
    await write(aSale('theirs', { locationId: 'store-2' }));
    await relay.step();
    await write(aSale('new'), aSale('new-theirs', { locationId: 'store-2' }));
    const told = (await walk(['store-1'], 2)).flat();
    expect(sorted(told)).toEqual([
      'enqueued a',
      'enqueued b',
      'waiting c',
      'waiting d',
      'waiting e',
      'waiting f',
      'waiting g',
      'waiting new',
    ]);
    expect(sorted((await walk(['store-1', 'store-2'], 100)).flat())).toHaveLength(10);
    expect(await walk(['store-3'], 100)).toEqual([[], [], []]);
  });

  it('is nothing of what is settled', async () => {
    const relay = relayOn(bench);
    await write(aSale('a'));
    await relay.step();
    await settle('dead');
    expect(await walk(['store-1'], 100)).toEqual([[], [], []]);
  });
});
