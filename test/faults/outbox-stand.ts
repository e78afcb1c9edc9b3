import { expect } from '@jest/globals';
import type { Sql } from 'postgres';
import { openPostgres } from '../../src/base/postgres.ts';
import { migrateOutbox } from '../../src/outbox/migrate.ts';
import { eventually } from '../support/eventually.ts';
import { type RunningProcess, startProcess } from '../support/process.ts';
import type { StandOptions } from '../support/stand.ts';
import { type FaultStand, SALES_PATH, startFaultStand } from './fault-stand.ts';

/** A line of the books. */
interface BookLine {
  readonly id: string | null;
  readonly location: string;
  readonly state: string;
  readonly reason: string | null;
}

/** A stand whose stores write into an outbox. */
export interface OutboxStand extends FaultStand {
  /** The tills' connection. */
  readonly till: Sql;
  /** All that were ever started, the ended ones too. */
  readonly relays: readonly RunningProcess[];
  startRelay(env?: Readonly<Record<string, string>>, entry?: string): Promise<RunningProcess>;
  /** As FLUSHALL does, to our part of a Redis that all tests share. */
  wipeRedis(): Promise<void>;
  lines(): Promise<BookLine[]>;
  /** By state, how many lines. */
  counts(): Promise<Record<string, number>>;
  /** Until every line is in one of these states. */
  untilSettled(states?: readonly string[], timeoutMs?: number): Promise<void>;
  /** How often each transaction was applied by the API, by its id. */
  applied(): Promise<Map<string, number>>;
  /** Keys under which each transaction was sent. */
  keys(): Promise<Map<string, Set<string>>>;
}

export async function startOutboxStand(options: StandOptions = {}): Promise<OutboxStand> {
  const stand = await startFaultStand(options);
  const till = openPostgres(stand.databaseUrl, { max: stand.embeddedPostgres ? 1 : 8 });
  await migrateOutbox(stand.database);
  const relays: RunningProcess[] = [];

  async function pushes() {
    return stand.simulator.ledger({ path: SALES_PATH });
  }
  const lines = async (): Promise<BookLine[]> => {
    const rows = await till<BookLine[]>`
      select id, location_id as location, state, reason from conexxus_sales order by line`;
    return [...rows];
  };

  return {
    ...stand,
    till,
    relays,
    async startRelay(env = {}, entry = 'dist/relay.js') {
      const relay = startProcess(entry, { ...stand.env, ...env });
      relays.push(relay);
      await relay.waitForLog('relay started', 60_000);
      return relay;
    },
    async wipeRedis() {
      const script = `for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do redis.call('DEL', key) end`;
      await stand.redis.eval(script, 0, `{${stand.namespace}}`);
    },
    lines,
    async counts() {
      const rows = await till<{ state: string; count: number }[]>`
        select state, count(*)::int as count from conexxus_sales group by state order by state`;
      return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
    },
    untilSettled: (states = ['delivered'], timeoutMs = 60_000) =>
      eventually(async () => {
        const open = await till`
          select id, state, reason from conexxus_sales where state <> all(${`{${states.join(',')}}`}::text[]) limit 5`;
        expect([...open]).toEqual([]);
      }, timeoutMs),
    async applied() {
      const counts = new Map<string, number>();
      for (const { applied, transactionIds } of await pushes()) {
        if (!applied) continue;
        for (const id of transactionIds) counts.set(id, (counts.get(id) ?? 0) + 1);
      }
      return counts;
    },
    async keys() {
      const keys = new Map<string, Set<string>>();
      for (const { key, transactionIds } of await pushes()) {
        for (const id of transactionIds) {
          const known = keys.get(id) ?? new Set();
          keys.set(id, known.add(key ?? ''));
        }
      }
      return keys;
    },
    async close() {
      await Promise.all(relays.map((relay) => relay.stop()));
      await till.end({ timeout: 2 });
      await stand.close();
    },
  };
}
