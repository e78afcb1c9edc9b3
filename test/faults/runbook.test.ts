import { afterAll, beforeAll, describe, it } from '@jest/globals';
import type { PrivateServer } from '../../scripts/services/service.ts';
import { startPrivatePostgres, startPrivateRedis } from '../../scripts/services.ts';
import { LONGER_SITUATIONS } from '../support/runbook/api-situations.ts';
import { readRunbook } from '../support/runbook/readme.ts';
import { type RunbookStand, startRunbookStand } from '../support/runbook/stand.ts';
import { STORE_SITUATIONS } from '../support/runbook/store-situations.ts';
import { HAS_SERVER, itOnServer } from './postgres-server.ts';

const HERE = { ...STORE_SITUATIONS, ...LONGER_SITUATIONS };

describe('the runbook of the README', () => {
  let stand: RunbookStand;
  const servers: PrivateServer[] = [];

  beforeAll(async () => {
    const redis = await startPrivateRedis();
    const postgres = HAS_SERVER ? await startPrivatePostgres() : undefined;
    servers.push(redis, ...(postgres ? [postgres] : []));
    stand = await startRunbookStand({ redis, ...(postgres && { postgres }) });
  });

  afterAll(async () => {
    await stand.close();
    await Promise.all(servers.map((server) => server.stop()));
  });

  for (const situation of readRunbook()) {
    const made = HERE[situation.title];
    if (made === undefined) continue;
    const row = situation.title.startsWith('Postgres') ? itOnServer : it;
    row(`is true: ${situation.title}`, () => stand.expectTrue(situation, made));
  }
});
