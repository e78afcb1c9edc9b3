import { expect } from '@jest/globals';
import { eventually } from '../eventually.ts';
import { KEY, type Made, type RunbookStand } from './stand.ts';

const NEW_KEY = 'another-key-0123456789';
const AGES_MS = 20 * 60_000;
const FAILING = { kind: 'status', status: 500 } as const;
const REFUSED = {
  kind: 'status',
  status: 422,
  body: { success: false, error: 'unknown item 73050' },
} as const;
const LIMITED = { kind: 'status', status: 429, headers: { 'retry-after': '120' } } as const;
const SLOW = { kind: 'slow', latency: { kind: 'fixed', ms: 3_000 } } as const;

const nothing = async () => undefined;
const noFaults = ({ simulator }: RunbookStand) => simulator.setFaults([]);
const untilOver = (stand: RunbookStand) => stand.untilOver();
const untilPaused = (stand: RunbookStand) => stand.untilPaused();

/** It answers slowly enough for a trial to be seen under way. */
async function backAgain({ simulator }: RunbookStand): Promise<void> {
  await simulator.setSettings({ latency: { kind: 'fixed', ms: 500 } });
  await simulator.setMode('ok');
}

/** Situations that Conexxus, the sales or people make, by their title in the README. */
export const API_SITUATIONS: Readonly<Record<string, Made>> = {
  'First look': [nothing],
  'Conexxus is down': [
    async (stand) => {
      await stand.simulator.setMode('down');
      await stand.sell(8);
      await untilPaused(stand);
    },
    backAgain,
    untilOver,
  ],
  'The key is revoked': [
    async (stand) => {
      await stand.simulator.setSettings({ apiKey: NEW_KEY });
      await stand.sell(8);
      await untilPaused(stand);
    },
    async (stand) => {
      await backAgain(stand);
      stand.writeKey(NEW_KEY);
      await Promise.all(stand.tills.map((till) => till.waitForLog('API key changed')));
    },
    untilOver,
  ],
  'One worker is benched': [
    async (stand) => {
      stand.writeKey(NEW_KEY, 'till-7');
      await eventually(async () => {
        await stand.sell(20);
        expect((await stand.circuit.status()).benched).toHaveLength(1);
      }, 20_000);
    },
    async (stand) => {
      stand.writeKey(KEY);
      await eventually(async () => expect((await stand.circuit.status()).benched).toEqual([]));
    },
  ],
  'Rate limited': [
    async (stand) => {
      await stand.simulator.setFaults([{ match: { times: 1 }, fault: LIMITED }]);
      await stand.sell(1);
      await untilPaused(stand);
    },
    noFaults,
  ],
  'Dead letters are there': [
    async (stand) => {
      await stand.simulator.setFaults([{ match: { locationId: 'store-7' }, fault: REFUSED }]);
      await stand.sellAtSeven('T-1001');
      await stand.sellAtSeven('T-1002');
      await eventually(async () => expect(await stand.queue.getFailedCount()).toBe(2));
    },
    noFaults,
    async (stand) => stand.untilAtRest(),
  ],
  'Somebody stopped it': [
    ({ circuit }) => circuit.operate('hold', { actor: 'Ana', reason: 'Conexxus migrates tonight' }),
    nothing,
  ],
  Silence: [
    async (stand) => {
      await Promise.all(stand.tills.map((till) => till.stop()));
      await stand.sell(3);
    },
    nothing,
    untilOver,
  ],
};

/** The same, of those that take longer. */
export const LONGER_SITUATIONS: Readonly<Record<string, Made>> = {
  'The backlog grows': [
    async (stand) => {
      await stand.simulator.setFaults([{ fault: SLOW }]);
      const longAgo = Date.now() - AGES_MS;
      const ids = Array.from({ length: 60 }, (_, index) => `old-${index}`);
      await Promise.all(ids.map((id) => stand.sellAtSeven(id, longAgo)));
      await stand.simulator.waitFor({ inFlight: 20 });
    },
    async (stand) => {
      await noFaults(stand);
      await untilOver(stand);
    },
  ],
  'A suspect sale': [
    async (stand) => {
      await stand.simulator.setFaults([{ match: { transactionId: 'T-1003' }, fault: FAILING }]);
      await stand.sellAtSeven('T-1003');
      await untilPaused(stand);
    },
    (stand) => stand.sell(4),
    untilOver,
  ],
};
