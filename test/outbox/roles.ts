import { randomBytes } from 'node:crypto';
import type { Sql } from 'postgres';
import { openPostgres } from '../../src/base/postgres.ts';
import { GRANTS } from '../../src/outbox/grants.ts';

/** A role that can log in and has been granted what one of ours is to have, or nothing. */
export interface TestRole {
  readonly name: string;
  readonly url: string;
  readonly sql: Sql;
  drop(): Promise<void>;
}

/** `admin`: in the database of the POS, which is that of the event log here. */
export async function createRole(admin: Sql, url: string, kind?: keyof typeof GRANTS): Promise<TestRole> {
  const name = `test_${kind ?? 'nobody'}_${randomBytes(4).toString('hex')}`;
  await admin.unsafe(`create role ${name} login password 'of-a-test'`);
  const { outbox = [], eventLog = [] } = kind === undefined ? {} : GRANTS[kind];
  for (const grant of [...outbox, ...eventLog]) {
    await admin.unsafe(grant.replace(/ to \w+;$/, ` to ${name}`));
  }
  const own = new URL(url);
  own.username = name;
  own.password = 'of-a-test';
  const sql = openPostgres(own.href, { max: 1 });
  return {
    name,
    url: own.href,
    sql,
    async drop() {
      await sql.end();
      await admin.unsafe(`drop owned by ${name}; drop role ${name}`);
    },
  };
}
