import type { PushSales } from '../../../src/index.ts';
import { eventually } from '../eventually.ts';
import { ringUp } from '../outbox.ts';
import type { RunningProcess } from '../process.ts';
import { letTimePass, writePast } from './past.ts';
import { basic, OPERATOR, type PageStand } from './stand.ts';

/** What a page is looked at in. Each begins where the one before it ended. */
export interface PageState {
  readonly name: string;
  /** Where it is looked at; default: the operations page. */
  readonly path?: (stand: PageStand) => string | Promise<string>;
  /** Its first heading, once the state is seen; null: it has none of ours. */
  readonly says: RegExp | null;
  /** It loads itself again, which would end a look in the middle. */
  readonly reloads?: true;
  readonly make?: (stand: PageStand) => Promise<unknown>;
  readonly undo?: (stand: PageStand) => Promise<unknown>;
}

export interface StatesOptions {
  /** How many wait in the long outage. */
  readonly backlog: number;
}

const MINUTE_MS = 60_000;
const LONG_ERROR = `{"error":{"code":"UPSTREAM_VALIDATION","message":"${'Item 73050 (Fountain Drink 32oz Refill) is unknown at this location; '.repeat(4)}","trace":"0af7651916cd43dd8448eb211c80319c"}}`;
const LONG_NAME = 'warehouse-4.southwest.stores.example-convenience-chain.internal/till-controller-2';
const LONG_ID = 'POS4-2026-11-28T22:41:07.123-06:00/register-2/shift-3/4f6c1f0e-7f5c-4f0a-9a55-2b7f3a6d5e11';
const REFUSED = {
  kind: 'status',
  status: 422,
  body: { success: false, error: 'unknown item 73050' },
} as const;
const OUTBOX_STORE = 'store-207';

let soldSoFar = 0;

export function sales(count: number, more: Partial<PushSales> & { readonly id?: string } = {}): PushSales[] {
  const { id, ...members } = more;
  const today = new Date().toISOString();
  return Array.from({ length: count }, () => {
    soldSoFar += 1;
    const price = 2 + (soldSoFar % 40) + 0.49;
    return {
      date: today.slice(0, 10),
      locationId: `store-${101 + (soldSoFar % 12)}`,
      transactions: [
        {
          id: id ?? `T-${40_000 + soldSoFar}`,
          timestamp: today,
          total: price,
          items: [{ sku: String(73_000 + (soldSoFar % 60)), quantity: 1, price }],
        },
      ],
      ...members,
    };
  });
}

/** In the order in which they can be made. */
export function pageStates({ backlog }: StatesOptions): PageState[] {
  return [...calm(), ...troubles(), ...outage(backlog), ...forms(), ...servers()];
}

function calm(): PageState[] {
  return [
    {
      name: 'empty',
      says: /empty/,
      make: (stand) =>
        Promise.all(['till-1', 'till-2'].map((name) => stand.startWorker({ WORKER_NAME: name }))),
    },
    {
      name: 'normal',
      says: /All is well: nothing waits; the last sale/,
      async make(stand) {
        await writePast(stand);
        await stand.restartDashboard();
        await stand.simulator.setSettings({ latency: { kind: 'lognormal', median: 60, sigma: 0.3 } });
        await stand.sell(sales(40));
        await stand.untilIdle();
      },
    },
    {
      name: 'dead letters',
      says: /dead letters wait for a person; all else is well/,
      async make(stand) {
        await stand.simulator.setFaults([
          { match: { locationId: 'store-107' }, fault: REFUSED },
          { match: { locationId: 'store-109' }, fault: { ...REFUSED, status: 400, body: LONG_ERROR } },
        ]);
        await stand.sell([
          ...sales(38, { locationId: 'store-107' }),
          ...sales(1, { locationId: 'store-109', id: LONG_ID }),
        ]);
        await stand.untilIdle();
        await stand.simulator.setFaults([]);
      },
    },
    { name: 'a sale', says: /has been dead since/, path: () => `/sales/${encodeURIComponent(LONG_ID)}` },
    { name: 'no sale', says: /Nobody has heard of it/, path: () => '/sales/T-99999' },
    {
      name: 'a store',
      says: /Store store-207/,
      path: () => `/stores/${OUTBOX_STORE}`,
      async make(stand) {
        await stand.simulator.setFaults([{ match: { transactionId: 'T-7003' }, fault: REFUSED }]);
        await stand.startRelay();
        for (let place = 0; place < 14; place += 1) {
          const [sale] = sales(1, { locationId: OUTBOX_STORE, id: `T-${7_000 + place}` });
          await ringUp(stand.database.sql, sale);
        }
        await ringUp(stand.database.sql, { locationId: OUTBOX_STORE, date: 'yesterday' });
        await eventually(async () => {
          const rows = await stand.database.sql`select from conexxus_sales where state = 'delivered'`;
          if (rows.length < 13) throw new Error(`${rows.length} sales of the outbox are delivered`);
        }, 60_000);
      },
    },
  ];
}

function troubles(): PageState[] {
  let sick: RunningProcess | undefined;
  return [
    {
      name: 'a worker benched',
      says: /is benched/,
      async make(stand) {
        sick = await stand.startWorker({ WORKER_NAME: LONG_NAME, CONEXXUS_API_URL: 'http://127.0.0.1:1' });
        const isBenched = () => sick?.logs.some(({ msg }) => /bench/i.test(msg ?? ''));
        for (let round = 0; round < 60 && !isBenched(); round += 1) {
          await stand.sell(sales(40));
          await stand.untilIdle();
        }
      },
      undo: async () => sick?.stop(),
    },
    {
      name: 'a suspect',
      says: /which may be due to a single sale/,
      async make(stand) {
        await stand.act('reset', 'the bench is over');
        await stand.simulator.setFaults([
          { match: { transactionId: 'T-POISON' }, fault: { kind: 'status', status: 500 } },
        ]);
        await stand.sell(sales(1, { id: 'T-POISON' }));
        await stand.untilCircuit('open');
      },
      async undo(stand) {
        await stand.simulator.setFaults([]);
        await stand.act('reset', 'the till sends it anew');
        await stand.untilCircuit('closed');
      },
    },
    {
      name: 'held',
      says: /olga holds all calls/,
      async make(stand) {
        await stand.act('hold', 'Conexxus migrates its database tonight', '2h');
        await stand.sell(sales(37), 4 * MINUTE_MS);
      },
      undo: (stand) => stand.act('release', 'they are done'),
    },
  ];
}

function outage(backlog: number): PageState[] {
  return [
    {
      name: 'open',
      says: /has been down for 42 min/,
      async make(stand) {
        await stand.untilIdle();
        await stand.simulator.setMode('down');
        await stand.sell(sales(8));
        await stand.untilCircuit('open');
        await stand.untilLogged();
        await letTimePass(stand, 42 * MINUTE_MS);
        await stand.sell(sales(1_204), 41 * MINUTE_MS);
      },
    },
    {
      name: 'open, many waiting',
      says: /sales wait, none is lost/,
      make: (stand) => stand.sell(sales(backlog), 40 * MINUTE_MS),
    },
    {
      name: 'recovering',
      says: /is recovering/,
      async make(stand) {
        await stand.simulator.setMode('ok');
        await stand.simulator.setFaults([
          {
            match: { path: '/api/v1/sales/push' },
            fault: { kind: 'slow', latency: { kind: 'fixed', ms: 25_000 } },
          },
        ]);
        await stand.act('trial', 'Conexxus says that they are back');
        await stand.untilCircuit('half-open');
      },
    },
    {
      name: 'catching up',
      says: /Conexxus is back; .* are on their way/,
      async make(stand) {
        await stand.simulator.setFaults([]);
        await stand.untilCircuit('closed');
      },
      async undo(stand) {
        await stand.act('hold', 'the rest is not needed');
        await stand.queue.drain(true);
        await stand.act('release', 'enough');
        await stand.untilIdle();
      },
    },
  ];
}

const DEAD = '/act/dead-letters/replay';

function forms(): PageState[] {
  return [
    { name: 'form, actions', says: /Actions/, path: () => '/act' },
    { name: 'form, hold', says: /Hold the circuit/, path: () => '/act/circuit/hold' },
    { name: 'form, filter', says: /Replay dead letters/, path: () => DEAD },
    {
      name: 'form, replay preview',
      says: /Replay dead letters/,
      path: () => `${DEAD}?error=unknown%20item%2073050`,
    },
    { name: 'form, refused', says: /Replay dead letters/, path: () => `${DEAD}?since=tomorrow` },
    { name: 'form, resend', says: /Send a delivered sale again/, path: () => '/act/resend' },
    {
      name: 'form, outbox',
      says: /Discard sales of the outbox/,
      path: () => `/act/outbox/discard?location=${OUTBOX_STORE}`,
    },
    { name: 'form, a run', says: /Replay: under way/, path: beginRun, reloads: true },
    { name: 'jobs', says: null, path: () => '/queues/queue/sync' },
  ];
}

/** One a second, so that it can be looked at while it goes. */
async function beginRun(stand: PageStand): Promise<string> {
  const fields = { error: 'unknown item 73050', reason: 'the item was created', rate: '1', counted: '39' };
  const answer = await fetch(`${stand.url}${DEAD}`, {
    method: 'POST',
    redirect: 'manual',
    headers: { authorization: basic(OPERATOR) },
    body: new URLSearchParams(fields),
  });
  return answer.headers.get('location') ?? '/act';
}

function servers(): PageState[] {
  return [
    {
      name: 'Postgres away',
      says: /Postgres (has not answered|.*cannot be used)/,
      make: (stand) => stand.reach('postgres', false),
      undo: (stand) => stand.reach('postgres', true),
    },
    {
      name: 'Redis away',
      says: /Redis (has not answered|.*cannot be used)/,
      make: (stand) => stand.reach('redis', false),
      undo: (stand) => stand.reach('redis', true),
    },
    {
      name: 'no worker',
      says: /No worker is/,
      async make(stand) {
        await Promise.all(stand.workers.map((worker) => worker.stop()));
        await stand.sell(sales(12));
      },
    },
  ];
}
