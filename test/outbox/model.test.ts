import { afterAll, beforeAll, describe, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { Sql } from 'postgres';
import { openPostgres } from '../../src/base/postgres.ts';
import type { PushSales } from '../../src/index.ts';
import { aSale, ringUp } from '../support/outbox.ts';
import { WORD } from '../sync/shelf.ts';
import { consumerOf, contentOf, type Ending } from './consumer.ts';
import { mendedBy } from './mending.ts';
import { type RelayBench, relayBench, relayOn } from './relay-bench.ts';
import { expectBooks } from './verdicts.ts';

/** How many random histories the property runs; raise it to search longer. */
const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 20);
const TIMEOUT_MS = 60_000 + RUNS * 5_000;

type Sold = readonly { readonly id: string; readonly total: number }[];

type Event =
  | { readonly do: 'ring up'; readonly store: number; readonly sold: Sold; readonly late: boolean }
  | { readonly do: 'commit late' | 'wake' | 'wipe' | 'write events' | 'clean up' | 'start another relay' }
  /** `crashAt`: before or after so many of its effects; undefined: never. */
  | { readonly do: 'relay'; readonly crashAt: number | undefined; readonly isDone: boolean }
  | { readonly do: 'work'; readonly ending: Ending; readonly times: number }
  | { readonly do: 'replay' | 'discard' | 'repair'; readonly which: number };

const sold = fc
  .uniqueArray(
    fc.record({
      id: fc.oneof(
        { weight: 8, arbitrary: fc.integer({ min: 0, max: 12 }).map((n) => `t-${n}`) },
        { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 }).map((n) => `bad-${n}`) },
        // Without items it is nothing by itself.
        { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 }).map((n) => `bare-${n}`) },
      ),
      total: fc.constantFrom(1, 1, 1, 2, -3.25),
    }),
    { minLength: 1, maxLength: 5, selector: ({ id }) => id },
  )
  .filter((list) => list.some(({ id }) => !id.startsWith('bare')));
const ending = fc.constantFrom<Ending>(
  'answered',
  'answered',
  'applied-unheard',
  'unheard',
  'applied-and-died',
  'recorded-and-died',
  'refused',
  'failed-often',
  'heard-too-late',
);
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('ring up' as const),
      store: fc.integer({ min: 1, max: 2 }),
      sold,
      late: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('relay' as const),
      crashAt: fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined, freq: 2 }),
      isDone: fc.boolean(),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('work' as const),
      ending,
      times: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ do: 'write events' as const }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('commit late', 'wake', 'wipe', 'clean up', 'start another relay'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('replay', 'discard', 'repair', 'repair'),
      which: fc.nat({ max: 3 }),
    }),
  },
);

class Crash extends Error {}

/** Kills a relay at one of its effects. */
function fuse() {
  let left = Number.POSITIVE_INFINITY;
  let isDone = false;
  return {
    set(crashAt: number | undefined, done: boolean) {
      left = crashAt ?? Number.POSITIVE_INFINITY;
      isDone = done;
    },
    around: async <Result>(effect: () => Promise<Result>): Promise<Result> => {
      left -= 1;
      if (left === 0 && !isDone) throw new Crash();
      const result = await effect();
      if (left === 0) throw new Crash();
      return result;
    },
  };
}

function payloadOf(store: number, list: Sold): PushSales {
  const transactions = list.flatMap(({ id, total }) =>
    aSale(id).transactions.map((one) => ({ ...one, total, items: id.startsWith('bare') ? [] : one.items })),
  );
  return { ...aSale('x'), locationId: `store-${store}`, transactions };
}

/** Ids are of one store, so that a sale's content tells it from every other. */
function inStore(store: number, list: Sold): Sold {
  return list.map(({ id, total }) => ({ id: `${id}-at-${store}`, total }));
}

let bench: RelayBench;

beforeAll(async () => {
  bench = await relayBench();
});
afterAll(() => bench.close());
/** What happened so far, beside what the product knows of it. */
async function startLife() {
  await bench.empty();
  const consumer = consumerOf(bench);
  const burning = fuse();
  let relay = relayOn(bench, { around: burning.around });
  const rungUp = new Map<string, number>();
  const discarded = new Set<string>();
  /** What a person edited, to what it became. */
  const repaired = new Map<string, string>();
  let wiped = false;
  const late: { readonly till: Sql; readonly sales: PushSales }[] = [];

  const know = ({ transactions }: PushSales) => {
    for (const one of transactions) rungUp.set(contentOf(one), one.total);
  };

  async function begun(sales: PushSales): Promise<void> {
    const till = openPostgres(bench.fresh.url, { max: 1 });
    await till.unsafe('begin');
    await ringUp(till, sales);
    late.push({ till, sales });
  }

  async function committed(): Promise<void> {
    for (const { till, sales } of late.splice(0)) {
      await till.unsafe('commit');
      await till.end();
      know(sales);
    }
  }

  async function step(crashAt: number | undefined, isDone: boolean): Promise<void> {
    burning.set(crashAt, isDone);
    try {
      await relay.step();
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      relay.forget();
    }
    burning.set(undefined, false);
  }

  async function judge(deed: 'replay' | 'discard', which: number): Promise<void> {
    const dead = await bench.queue.getFailed();
    const letter = dead[which % Math.max(1, dead.length)];
    if (letter?.id === undefined) return;
    for await (const { kind } of bench.letters[deed]({ ids: [letter.id] }, WORD)) {
      if (deed === 'discard' && kind === 'done') {
        const data: PushSales = letter.data;
        for (const one of data.transactions) discarded.add(contentOf(one));
      }
    }
  }

  async function mend(which: number): Promise<void> {
    const dead = await bench.queue.getFailed();
    const mended = await mendedBy(bench, dead[which % Math.max(1, dead.length)]);
    if (mended) know(mended.after);
    for (const [before, after] of mended?.sales ?? []) repaired.set(before, after);
  }

  /** `outbox release`: dead letters that Redis forgot go again, under their keys. */
  async function release(): Promise<void> {
    const dead = await bench.sql`select id, sync_key from conexxus.payload where state = 'dead'`;
    for (const { id, sync_key } of dead) {
      if ((await bench.queue.getJob(sync_key)) !== undefined) continue;
      await bench.sql`update conexxus.payload set state = 'open', created_at = now() where id = ${id}`;
      await bench.sql`update conexxus.relay set acts = acts + 1`;
      relay.forget();
    }
  }

  async function happens(what: Event): Promise<void> {
    switch (what.do) {
      case 'ring up': {
        const sales = payloadOf(what.store, inStore(what.store, what.sold));
        if (what.late && !bench.fresh.embedded) return begun(sales);
        await ringUp(bench.sql, sales);
        return know(sales);
      }
      case 'commit late':
        return committed();
      case 'relay':
        return step(what.crashAt, what.isDone);
      case 'start another relay':
        relay = relayOn(bench, { around: burning.around });
        return;
      case 'work':
        for (let n = 0; n < what.times; n += 1) await consumer.work(what.ending);
        return;
      case 'wake':
        return consumer.wake();
      case 'write events':
        return bench.writeEvents();
      case 'wipe':
        wiped = true;
        await consumer.forget();
        return bench.wipe();
      case 'clean up':
        // As by COMPLETED_MAX.
        await bench.queue.clean(0, 100, 'completed');
        return;
      case 'replay':
      case 'discard':
        return judge(what.do, what.which);
      case 'repair':
        return mend(what.which);
    }
  }

  const unsettled = () => bench.sql`
    select id, state, reason from conexxus_sales where state in ('waiting', 'enqueued')`;
  const deadButGood = () => bench.sql`
    select s.transaction_id from conexxus.sale s join conexxus.payload p on p.id = s.payload_id
    where p.state = 'dead' and s.transaction_id not like 'bad%'`;

  /** All is well again, and whoever has something to do does it: of some dead ones a person says what was meant. */
  async function comesToRest(repairsLeft: number): Promise<void> {
    await committed();
    for (let round = 0; round < 60; round += 1) {
      await step(undefined, false);
      await consumer.wake();
      while (await consumer.work('answered'));
      await bench.writeEvents();
      await step(undefined, false);
      await release();
      if (round < repairsLeft) await mend(round);
      for (const letter of await bench.queue.getFailed()) {
        const data: PushSales = letter.data;
        if (data.transactions.some(({ id }) => id.startsWith('bad'))) continue;
        for await (const _ of bench.letters.replay({ ids: [letter.id ?? ''] }, WORD));
      }
      const left = [...(await unsettled()), ...(await deadButGood())];
      if (round >= repairsLeft && left.length === 0) return;
    }
    throw new Error(`no rest: ${JSON.stringify([await unsettled(), await deadButGood()])}`);
  }

  async function close(): Promise<void> {
    for (const { till } of late) await till.end({ timeout: 0 });
    await consumer.close();
  }

  return { happens, comesToRest, close, consumer, rungUp, discarded, repaired, isWiped: () => wiped };
}

describe('a sale', () => {
  it(
    'has one fate, and its money arrives, through every history',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 40 }), async (history) => {
          const life = await startLife();
          try {
            for (const what of history) await life.happens(what);
            await life.comesToRest(history.length % 4);
            await expectBooks(bench.sql, life);
          } finally {
            await life.close();
          }
        }),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );
});
