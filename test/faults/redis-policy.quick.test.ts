import { describe, expect, it } from '@jest/globals';
import { startPrivateRedis } from '../../scripts/services.ts';
import { startProcess } from '../support/process.ts';
import { makeSales } from '../support/sales.ts';
import { startFaultStand } from './fault-stand.ts';

describe('a Redis that would throw sales away', () => {
  it('[39] maxmemory-policy is not noeviction: the worker refuses to start and says why', async () => {
    const server = await startPrivateRedis({ args: ['--maxmemory-policy', 'allkeys-lru'] });
    const stand = await startFaultStand({ redisUrl: server.url });
    await stand.enqueue(makeSales(1));
    const worker = startProcess('dist/worker.js', stand.env);
    expect(await worker.exited).toEqual({ code: 1, signal: null });
    expect(worker.stderr()).toContain('maxmemory-policy is allkeys-lru');
    expect(worker.stderr()).toContain('noeviction');
    expect((await stand.simulator.summary()).requests).toBe(0);
    await stand.expectSums();
    await stand.close();
    await server.stop();
  });
});
