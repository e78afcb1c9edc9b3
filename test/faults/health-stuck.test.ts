import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { type HealthPages, healthPages } from '../support/health-pages.ts';
import { makeSales } from '../support/sales.ts';
import { type FaultStand, startFaultStand } from './fault-stand.ts';

let stand: FaultStand;

afterEach(() => stand.close());

const ALIVE = { status: 200, body: { live: true } };
const STUCK_WORKER = 'test/faults/worker-that-is-stuck.ts';

async function startProbed(env: Readonly<Record<string, string>>, entry?: string): Promise<HealthPages> {
  const pages = await healthPages();
  await stand.startWorker({ WORKER_HEALTH_PORT: String(pages.port), ...env }, entry);
  return pages;
}

describe('liveness', () => {
  it('is lost by a consumer that hangs while Redis answers, and not by one beside it whose API hangs', async () => {
    stand = await startFaultStand({ env: { CONEXXUS_TIMEOUT: '1000' } });
    const slots = await startProbed({ STUCK: 'slots', WORKER_CONCURRENCY: '1' }, STUCK_WORKER);
    await stand.enqueue(makeSales(1));
    await eventually(async () => expect(await stand.queue.getActiveCount()).toBe(1));
    const fetching = await startProbed({ STUCK: 'fetch' }, STUCK_WORKER);
    await stand.simulator.setFaults([{ fault: { kind: 'hang' } }]);
    const waiting = await startProbed({ WORKER_CONCURRENCY: '1' });
    const disabled = await startProbed({ CONEXXUS_ENABLED: 'false' });
    await stand.enqueue(makeSales(20, 'others'));

    const untilLost = (pages: HealthPages) =>
      eventually(async () => {
        for (const well of [waiting, disabled]) expect(await well.live()).toEqual(ALIVE);
        const reason = expect.stringMatching(/^the consumer asked for no job and ended none in 6\d s/);
        expect(await pages.live()).toEqual({ status: 503, body: { live: false, reason } });
      }, 90_000);
    await untilLost(slots);
    await untilLost(fetching);
    for (const well of [waiting, disabled]) expect(await well.live()).toEqual(ALIVE);
  }, 180_000);

  it('no answer from an event loop that stands still; lost where it does so again', async () => {
    stand = await startFaultStand();
    const pages = await healthPages();
    const env = { WORKER_HEALTH_PORT: String(pages.port), BLOCK_MS: '11000' };
    const worker = await stand.startWorker(env, 'test/faults/worker-that-blocks.ts');
    expect(await pages.live()).toEqual(ALIVE);

    worker.signal('SIGUSR2');
    await eventually(async () => expect(pages.live()).rejects.toMatchObject({ name: 'TimeoutError' }));
    await eventually(async () => expect(await pages.live()).toEqual(ALIVE), 20_000);

    worker.signal('SIGUSR2');
    await eventually(async () => expect(pages.live()).rejects.toMatchObject({ name: 'TimeoutError' }));
    const reason = 'the event loop stands still again and again';
    await eventually(
      async () => expect(await pages.live()).toEqual({ status: 503, body: { live: false, reason } }),
      20_000,
    );
  });
});
