import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { aSale, ringUp } from '../support/outbox.ts';
import type { FaultRule } from '../support/simulator/protocol.ts';
import { SALES_PATH } from './fault-stand.ts';
import { type OutboxStand, startOutboxStand } from './outbox-stand.ts';

let stand: OutboxStand;

beforeEach(async () => {
  stand = await startOutboxStand({ env: { CONEXXUS_RETRY_DELAY: '50', CONEXXUS_TIMEOUT: '500' } });
});
afterEach(() => stand.close());

/** One payload's worth of single sales. */
async function ringUpBatch(count: number): Promise<void> {
  await stand.till.begin(async (tx) => {
    for (let n = 0; n < count; n += 1) await ringUp(tx, aSale(`s-${n}`));
  });
}

function eachOf(ids: readonly string[], fault: FaultRule['fault']): FaultRule[] {
  return ids.map((transactionId) => ({ match: { path: SALES_PATH, transactionId }, fault }));
}

const REFUSED = { kind: 'status', status: 422, body: { success: false, error: 'bad sale' } } as const;

/** The bad ones dead, the others delivered once each. */
async function expectOnlyDead(bad: readonly string[], count: number): Promise<void> {
  await stand.untilSettled(['delivered', 'dead'], 90_000);
  const dead = (await stand.lines()).flatMap(({ id, state }) => (state === 'dead' ? [id] : []));
  expect(new Set(dead)).toEqual(new Set(bad));
  const applied = await stand.applied();
  expect(applied.size).toBe(count - bad.length);
  expect(new Set(applied.values())).toEqual(new Set([1]));
}

describe('a batch of 100', () => {
  it.each([
    ['the first', ['s-0']],
    ['the last', ['s-99']],
    ['a pair', ['s-41', 's-42']],
  ])('[85] with bad sales (%s) is split until they alone die', async (_which, bad) => {
    await stand.simulator.setFaults(eachOf(bad, REFUSED));
    await ringUpBatch(100);
    await stand.startWorkers(1);
    await stand.startRelay();
    await expectOnlyDead(bad, 100);
    const calls = (await stand.simulator.ledger({ path: SALES_PATH })).length;
    expect(calls).toBeLessThanOrEqual(Math.ceil(2 * bad.length * Math.log2(100)) + 1);
    expect(await stand.openings()).toEqual([]);
    expect((await stand.circuit.status()).rejections).toBeLessThanOrEqual(bad.length);
  });

  it('[85] that is too large for the API is split until each half is not', async () => {
    const all = Array.from({ length: 100 }, (_, n) => `s-${n}`);
    await ringUpBatch(100);
    await stand.simulator.setFaults([
      { match: { path: SALES_PATH, transactionId: 's-0', times: 2 }, fault: { kind: 'status', status: 413 } },
    ]);
    await stand.startWorkers(1);
    await stand.startRelay();
    await stand.untilSettled();
    const applied = await stand.applied();
    expect(new Set(applied.keys())).toEqual(new Set(all));
    expect(new Set(applied.values())).toEqual(new Set([1]));
    expect(await stand.openings()).toEqual([]);
  });

  it('[85] all bad opens the circuit when as many sales died as are refused in a row, and no earlier', async () => {
    await stand.simulator.setMode(422);
    await ringUpBatch(100);
    await stand.startWorkers(1, {
      CIRCUIT_REJECTIONS: '20',
      CIRCUIT_OPEN: '60000',
      CIRCUIT_OPEN_MAX: '60000',
    });
    await stand.startRelay();
    await eventually(async () => expect(await stand.openings()).toEqual(['rejecting']), 60_000);
    // Those in flight at that moment die too.
    await eventually(async () => {
      const { dead = 0 } = await stand.counts();
      expect([dead >= 20, dead <= 30]).toEqual([true, true]);
    });
  });

  it('[85] with a sale that is always answered 500 delivers the 99 others', async () => {
    await stand.simulator.setFaults(eachOf(['s-7'], { kind: 'status', status: 500 }));
    await ringUpBatch(100);
    await stand.startWorkers(1, {
      CONEXXUS_MAX_ATTEMPTS: '8',
      CIRCUIT_FAILURE_THRESHOLD: '20',
      CIRCUIT_FAILURE_RATE: '1',
    });
    await stand.startRelay();
    await expectOnlyDead(['s-7'], 100);
  });

  it('[85] with a sale that always hangs stays whole until it dies, then delivers the 99 others', async () => {
    await stand.simulator.setFaults(eachOf(['s-7'], { kind: 'hang' }));
    await ringUpBatch(100);
    await stand.startWorkers(1, {
      CONEXXUS_MAX_ATTEMPTS: '3',
      CIRCUIT_FAILURE_THRESHOLD: '20',
      CIRCUIT_FAILURE_RATE: '1',
    });
    await stand.startRelay();
    await expectOnlyDead(['s-7'], 100);
  });

  it('[85] is split once, though relays are killed in the middle of it', async () => {
    const bad = ['s-3', 's-50', 's-98'];
    await stand.simulator.setFaults(eachOf(bad, REFUSED));
    await ringUpBatch(100);
    await stand.startWorkers(1);
    let over = false;
    const killing = (async () => {
      while (!over) {
        const relay = await stand.startRelay();
        await relay.waitForLog('split', 10_000).catch(() => undefined);
        relay.signal('SIGKILL');
        await relay.exited;
        over = stand.relays.length >= 5;
      }
    })();
    await killing;
    await stand.startRelay();
    await expectOnlyDead(bad, 100);
  });
});

describe('a batch whose answer is lost', () => {
  it('[86] keeps members, bytes and key, whatever arrives and restarts meanwhile', async () => {
    await stand.simulator.setSettings({ keepBodies: true });
    await stand.simulator.setFaults([
      { match: { path: SALES_PATH, times: 1 }, fault: { kind: 'hang', apply: true } },
    ]);
    await ringUpBatch(60);
    const [worker] = await stand.startWorkers(1, { CONEXXUS_TIMEOUT: '20000' });
    const relay = await stand.startRelay();
    await stand.simulator.waitFor({ inFlight: 1 });
    await stand.till.begin(async (tx) => {
      for (let n = 0; n < 20; n += 1) await ringUp(tx, aSale(`later-${n}`));
    });
    worker?.signal('SIGKILL');
    relay.signal('SIGKILL');
    await Promise.all([worker?.exited, relay.exited]);
    await stand.startWorkers(1);
    await stand.startRelay();
    await stand.untilSettled();
    const pushes = await stand.simulator.ledger({ path: SALES_PATH });
    const [first, ...others] = pushes;
    const again = others.filter(({ key }) => key === first?.key);
    expect(again.map(({ body }) => body)).toEqual([first?.body]);
    expect(first?.transactionIds.length).toBe(60);
    expect(new Set((await stand.applied()).values())).toEqual(new Set([1]));
  });
});
