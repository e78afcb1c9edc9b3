import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect } from '@jest/globals';
import { startProcess } from '../support/process.ts';
import { makeSales } from '../support/sales.ts';
import { connectAdmin, itOnServer, type PostgresStand, startPostgresStand } from './postgres-server.ts';

let stand: PostgresStand;

afterEach(async () => {
  await stand.close();
});

function migrate(url: string) {
  return startProcess('dist/cli.js', { DATABASE_URL: url }, ['migrate']);
}

describe('the schema', () => {
  itOnServer('[47] two processes migrate at once: one does it, the other waits for it', async () => {
    stand = await startPostgresStand();
    await stand.admin`create database empty`;
    const url = new URL(stand.databaseUrl);
    url.pathname = 'empty';
    const both = [migrate(url.href), migrate(url.href)];
    for (const { exited } of both) expect(await exited).toEqual({ code: 0, signal: null });
    const said = both.flatMap(({ logs }) => logs.map(({ msg }) => msg ?? ''));
    expect(said.sort()).toEqual([
      expect.stringMatching(/^Applied \d+ migration/),
      'The database is up to date.',
    ]);
  });

  itOnServer(
    '[47] another migrates for longer than a statement or a silent server is given: waited for',
    async () => {
      stand = await startPostgresStand();
      await stand.admin`create database empty`;
      const url = new URL(stand.databaseUrl);
      url.pathname = 'empty';
      const another = connectAdmin({ url: url.href }, 1);
      const key = another`hashtextextended('conexxus-sync migrate', 0)`;
      await another`select pg_advisory_lock(${key})`;
      const waiting = migrate(url.href);
      await delay(27_000);
      await another`select pg_advisory_unlock(${key})`;
      await another.end();
      expect(await waiting.exited).toEqual({ code: 0, signal: null });
      expect(waiting.logs.map(({ msg }) => msg)).toEqual([expect.stringMatching(/^Applied \d+ migration/)]);
    },
  );

  itOnServer('[47] schema newer than the code: worker and migration refuse it, nothing is lost', async () => {
    stand = await startPostgresStand();
    await stand.admin`
      insert into drizzle.__drizzle_migrations (hash, created_at)
      select 'from the future', max(created_at) + 1 from drizzle.__drizzle_migrations`;
    await stand.simulator.setMode(503);
    await stand.enqueue(makeSales(5));
    const worker = startProcess('dist/worker.js', stand.env);
    expect(await worker.exited).toEqual({ code: 1, signal: null });
    expect(worker.stderr()).toContain('newer than this version');
    const migration = migrate(stand.databaseUrl);
    expect(await migration.exited).toEqual({ code: 1, signal: null });
    expect(migration.stderr()).toContain('newer than this version');
    const { accepted, delivered, waiting, delayed } = await stand.reconcile();
    expect({ accepted, delivered, left: waiting + delayed }).toEqual({ accepted: 5, delivered: 0, left: 5 });
  });
});
