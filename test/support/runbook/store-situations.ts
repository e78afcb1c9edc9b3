import { mkdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { eventually } from '../eventually.ts';
import { untilLogged } from './logged.ts';
import type { Made, RunbookStand } from './stand.ts';

/** Past EVENT_BACKLOG_MAX of the stand. */
const TOO_MANY = 120;

/** Situations that Redis and Postgres make, by their title in the README; of a stand with servers of its own. */
export const STORE_SITUATIONS: Readonly<Record<string, Made>> = {
  'Redis is down': [
    async ({ servers }) => servers.redis?.halt('fast'),
    async ({ servers }) => servers.redis?.start(),
  ],
  'Redis is full, or refuses': [
    async (stand) => {
      await stand.sell(30);
      await stand.untilAtRest();
      const since = stand.tills.map(({ logs }) => logs.length);
      await stand.redis.config('SET', 'maxmemory', '1');
      const roomMade = 'Redis is nearly full: the oldest finished jobs made room for sales';
      // Who has nothing to do asks for jobs every few seconds, and is refused only then.
      await untilLogged(stand.tills, since, ['queue error', roomMade]);
    },
    async (stand) => {
      await stand.redis.config('SET', 'maxmemory', '0');
      await stand.redis.config('SET', 'save', '3600 1000000');
      const snapshot = await snapshotOf(stand);
      // A folder in its place: what was written cannot be put there.
      rmSync(snapshot, { force: true });
      mkdirSync(snapshot);
      await untilSaved(stand, 'err');
    },
    async (stand) => {
      rmdirSync(await snapshotOf(stand));
      await untilSaved(stand, 'ok');
    },
  ],
  'Postgres is down': [
    async (stand) => {
      await stand.servers.postgres?.halt('fast');
      await stand.sell(5);
    },
    (stand) => stand.sell(TOO_MANY),
    async ({ servers }) => servers.postgres?.start(),
  ],
};

async function snapshotOf({ redis }: RunbookStand): Promise<string> {
  const [, folder = ''] = await redis.config('GET', 'dir');
  return join(folder, 'dump.rdb');
}

function untilSaved({ redis }: RunbookStand, status: string): Promise<void> {
  return eventually(async () => {
    await redis.call('BGSAVE').catch(() => undefined);
    expect(await redis.info('persistence')).toContain(`rdb_last_bgsave_status:${status}`);
  });
}
