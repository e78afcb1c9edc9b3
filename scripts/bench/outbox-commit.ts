import postgres, { type Sql, type TransactionSql } from 'postgres';
import { connectDatabase } from '../../src/base/database.ts';
import { type CheckedSale, checkSale, enqueueInTransaction } from '../../src/outbox/enqueue.ts';
import { migrateOutbox } from '../../src/outbox/migrate.ts';
import { makeSales } from '../../test/support/sales.ts';
import { findPostgres } from '../services/postgres.ts';
import { startPrivatePostgres } from '../services.ts';
import type { Benchmark } from './bench.ts';
import { atMost, type Figure, figure, percentile, spread, times } from './figure.ts';

const WRITERS = 200;
const ROUNDS = 20;
const LIMIT = 1.1;

type Write = (tx: TransactionSql, sale: CheckedSale) => Promise<unknown>;

const toPlainTable: Write = (tx, { json }) =>
  tx.unsafe('insert into plain (job_name, data) values ($1::text, $2::text::jsonb)', ['push_sales', json], {
    prepare: true,
  });

/** Of each round, ms of each transaction from its begin to its commit. */
interface Samples {
  readonly plain: number[][];
  readonly outbox: number[][];
}

/**
 * What the outbox adds to the commit of a POS that keeps the same bytes anyway, on a Postgres that waits for no
 * disk, where it shows most. By turns, so that whatever else the machine does meets both alike.
 */
export const benchOutboxCommit: Benchmark = async ({ commits }) => {
  if ((await findPostgres(process.env['PATH'])) === undefined) {
    const note = 'not measured: needs a Postgres server on this machine';
    return [{ what: `commit, ${WRITERS} writers`, quantities: {}, note }];
  }
  const server = await startPrivatePostgres();
  try {
    await allowConnections(server);
    const database = connectDatabase(server.url, { max: 1 });
    await migrateOutbox(database);
    await database.close();
    const crowd = await measure(server.url, WRITERS, commits);
    const alone = await measure(server.url, 1, Math.ceil(commits / 10));
    const toPlain = 'outbox to plain table';
    return [
      ...spreadsOf(crowd, `${WRITERS} writers`),
      atMost(figure(`${toPlain}, ${WRITERS} writers, p50`, times(ratio(crowd, 0.5))), LIMIT),
      atMost(figure(`${toPlain}, ${WRITERS} writers, p99`, times(ratio(crowd, 0.99))), LIMIT),
      ...spreadsOf(alone, '1 writer'),
      figure(`${toPlain}, 1 writer, p50`, times(ratio(alone, 0.5))),
    ];
  } finally {
    await server.stop();
  }
};

async function allowConnections(server: Awaited<ReturnType<typeof startPrivatePostgres>>): Promise<void> {
  const admin = postgres(server.url, { max: 1 });
  await admin.unsafe(`alter system set max_connections = ${WRITERS + 20}`);
  await admin.end();
  await server.halt('fast');
  await server.start();
}

async function measure(url: string, writers: number, commits: number): Promise<Samples> {
  const sql = postgres(url, { max: writers, onnotice: () => undefined });
  try {
    await sql`create table if not exists receipts (id text, total numeric)`;
    await sql`create table if not exists plain (id bigint generated always as identity primary key,
      job_name text not null, data jsonb not null, created_at timestamptz not null default now())`;
    const sales = makeSales(Math.ceil(commits / ROUNDS)).map(checkSale);
    const samples: Samples = { plain: [], outbox: [] };
    const kinds: [number[][], Write][] = [
      [samples.plain, toPlainTable],
      [samples.outbox, enqueueInTransaction],
    ];
    // Connections are made, and statements prepared, before anything counts.
    for (const [, write] of kinds) await round(sql, writers, sales.slice(0, 5 * writers), write);
    for (let n = 0; n < ROUNDS; n += 1) {
      for (const [kept, write] of n % 2 === 0 ? kinds : kinds.toReversed()) {
        kept.push(await round(sql, writers, sales, write));
      }
    }
    return samples;
  } finally {
    await sql.end();
  }
}

/** Each writer rings up one sale after the other, until all are. */
async function round(
  sql: Sql,
  writers: number,
  sales: readonly CheckedSale[],
  write: Write,
): Promise<number[]> {
  await sql`truncate receipts, plain, conexxus.outbox`;
  const waiting = [...sales];
  const took: number[] = [];
  const writer = async () => {
    for (let sale = waiting.pop(); sale !== undefined; sale = waiting.pop()) {
      const from = performance.now();
      await ringUp(sql, sale, write);
      took.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: writers }, writer));
  return took;
}

async function ringUp(sql: Sql, sale: CheckedSale, write: Write): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`insert into receipts values ('R-1', 21.98)`;
    await write(tx, sale);
  });
}

function spreadsOf({ plain, outbox }: Samples, who: string): Figure[] {
  return [
    figure(`commit, plain table, ${who}`, spread(plain.flat())),
    figure(`commit, outbox, ${who}`, spread(outbox.flat())),
  ];
}

/** The median of what neighbouring rounds say: whatever else the machine does in one of them spoils that one alone. */
function ratio({ plain, outbox }: Samples, share: number): number {
  const ratios = plain.map((round, n) => percentile(outbox[n] ?? [], share) / percentile(round, share));
  return percentile(ratios, 0.5);
}
