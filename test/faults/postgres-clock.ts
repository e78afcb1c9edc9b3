import type { Sql } from 'postgres';

/** The time that Postgres tells who asks it for `now()`; its own goes on beneath. */
export interface PostgresClock {
  set(ms: number): Promise<void>;
}

/** For connections that are made from now on: a function of that name is found before Postgres' own. */
export async function holdPostgresClock(sql: Sql, startMs: number): Promise<PostgresClock> {
  await sql.unsafe(`
    create schema clock;
    create table clock.hand as select to_timestamp(${startMs}::float8 / 1000) as at;
    create function clock.now() returns timestamptz stable language sql as 'select at from clock.hand';
    do $$ begin
      execute format('alter database %I set search_path = clock, pg_catalog, public', current_database());
    end $$`);
  return {
    async set(ms) {
      await sql`update clock.hand set at = to_timestamp(${ms}::float8 / 1000)`;
    },
  };
}
