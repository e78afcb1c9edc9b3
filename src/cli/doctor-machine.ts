import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { connectDatabase } from '../base/database.ts';
import type { Finding } from './finding.ts';
import { freeBytes } from './free-disk.ts';
import { inBytes } from './words.ts';

/** Postgres has its own finding where it does not answer. */
const ANSWER_MS = 2_000;
/** Below it, a busy hour of the event log may fill it. */
const POSTGRES_SPARE_BYTES = 512 * 2 ** 20;
/** Every year some country changes its clocks, and two years later most people have heard of it. */
const ZONES_AGE_MAX_YEARS = 2;

/** What this machine says: its zone data, and the disk of Postgres where that is here too. */
export async function examineMachine(databaseUrl: string | undefined): Promise<Finding[]> {
  const zones = judgeZones(process.versions['tz'], new Date());
  const free = databaseUrl === undefined ? undefined : await postgresFreeBytes(databaseUrl);
  return free === undefined ? [zones] : [zones, judgePostgresDisk(free)];
}

/** Pure. `version`: of Node's own zone data, like `2026c`; undefined where it was built without. */
export function judgeZones(version: string | undefined, now: Date): Finding {
  const about = 'Time zones';
  const year = Number(/^\d{4}/.exec(version ?? '')?.[0]);
  if (!(year > 0)) {
    const text = 'this Node has no time zone data of its own: install one from nodejs.org or its image';
    return { about, ok: false, text };
  }
  const ok = year >= now.getUTCFullYear() - ZONES_AGE_MAX_YEARS;
  const old =
    'countries have changed their clocks since, and days would begin at the wrong hour; update Node';
  return { about, ok, text: ok ? `data of ${version}` : `data of ${version}: ${old}` };
}

/** Pure. */
export function judgePostgresDisk(free: number): Finding {
  const about = 'Postgres disk';
  if (free >= POSTGRES_SPARE_BYTES) return { about, ok: true, text: `${inBytes(free)} free` };
  const fix = 'free its disk or lower EVENT_RETENTION_DAYS; when it is full, rows wait in Redis';
  return { about, ok: false, text: `${inBytes(free)} free: ${fix}` };
}

/** Undefined where it is not here, does not answer, or does not tell this user. */
async function postgresFreeBytes(url: string): Promise<number | undefined> {
  const database = connectDatabase(url, { max: 1 });
  const ask = async () => {
    const [row] = await database.read((tx) =>
      tx.execute<{ folder: string; pid: number }>(
        sql`select current_setting('data_directory') as folder, pg_backend_pid() as pid`,
      ),
    );
    return row && freeBytes({ ...row, program: /^postgres/ });
  };
  try {
    return await Promise.race([ask().catch(() => undefined), delay(ANSWER_MS, undefined, { ref: false })]);
  } finally {
    await database.close();
  }
}
