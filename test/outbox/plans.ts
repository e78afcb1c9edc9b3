import { drizzle } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { z } from 'zod';
import type { Database } from '../../src/base/database.ts';

/** Of a table or an index of ours. */
interface Scan {
  /** `Seq Scan`, `Index Scan`, … */
  readonly kind: string;
  readonly of: string;
}

/** A statement as Postgres did it. */
export interface Plan {
  readonly statement: string;
  readonly scans: readonly Scan[];
  /** Pages that it looked at. */
  readonly buffers: number;
}

export interface PlannedDatabase extends Pick<Database, 'read' | 'write'> {
  /** Of all that was done since it was asked last. */
  plans(): Plan[];
  close(): Promise<void>;
}

const node = z.looseObject({
  'Node Type': z.string(),
  'Relation Name': z.string().optional(),
  'Index Name': z.string().optional(),
  get Plans() {
    return z.array(node).optional();
  },
});
const explained = z.object({
  'Query Text': z.string(),
  Plan: node.and(z.object({ 'Shared Hit Blocks': z.number(), 'Shared Read Blocks': z.number() })),
});

/** Postgres' own module for it is not installed everywhere, and PGlite has none. */
export async function canTellPlans(): Promise<boolean> {
  const server = process.env['TEST_DATABASE_URL'] ?? '';
  if (server === '') return false;
  const sql = postgres(server, { max: 1 });
  try {
    await sql.unsafe("load 'auto_explain'");
    return true;
  } catch {
    return false;
  } finally {
    await sql.end();
  }
}

/** A database that tells how Postgres does what is asked: nothing is asked a second time for it. */
export async function openPlanned(url: string): Promise<PlannedDatabase> {
  let told: Plan[] = [];
  const sql = postgres(url, {
    max: 1,
    prepare: false,
    fetch_types: false,
    types: { textArray: { to: 1009, from: [1009], serialize: String, parse: namesIn } },
    onnotice: ({ message = '' }) => {
      const [, json] = /^duration: [\d.]+ ms {2}plan:\n([^]*)$/.exec(message) ?? [];
      if (json !== undefined) told.push(planOf(json));
    },
  });
  await sql.unsafe(`
    load 'auto_explain';
    set auto_explain.log_min_duration = 0; set auto_explain.log_analyze = on; set auto_explain.log_timing = off;
    set auto_explain.log_format = json; set auto_explain.log_level = notice; set auto_explain.log_buffers = on`);
  const db = drizzle(sql);
  return {
    write: (work) => db.transaction((tx) => work(tx)),
    read: (work) => db.transaction((tx) => work(tx), { accessMode: 'read only' }),
    plans() {
      const all = told;
      told = [];
      return all;
    },
    close: () => sql.end(),
  };
}

/** Of an array of names that need no quotes. */
function namesIn(literal: string): string[] {
  return literal.slice(1, -1).split(',').filter(Boolean);
}

function planOf(json: string): Plan {
  const { Plan: plan, 'Query Text': statement } = explained.parse(JSON.parse(json));
  return {
    statement: statement.replaceAll(/\s+/g, ' ').trim(),
    scans: scansIn(plan),
    buffers: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'],
  };
}

function scansIn({ 'Node Type': kind, ...at }: z.infer<typeof node>): Scan[] {
  const of = at['Index Name'] ?? at['Relation Name'];
  const own = of === undefined || !kind.includes('Scan') ? [] : [{ kind, of }];
  return [...own, ...(at.Plans ?? []).flatMap(scansIn)];
}
