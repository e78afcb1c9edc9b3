import type { Redis } from 'ioredis';
import { connectRedis, redisScript } from '../../src/base/redis.ts';
import type { Circuit } from '../../src/circuit/circuit.ts';
import type { Subject } from '../../src/circuit/types.ts';
import { eventStreamKey } from '../../src/events/event.ts';
import { startProcess } from '../../test/support/process.ts';
import type { Benchmark, BenchSetting } from './bench.ts';
import { acquire, defaultCircuit, deliveredReport, newSubject } from './circuit-work.ts';
import { atMost, type Figure, figure, percentile, perSecond, pings, spread } from './figure.ts';

const NAMESPACE = 'bench-circuit';
/** Per call in flight: the crowd is at its full size most of a round. */
const CALLS_PER_LANE = 10;
/** The least script that leaves something behind: one key. */
const ONE_SET = "return redis.call('SET', KEYS[1], ARGV[1], 'PX', 60000)";
const WARM_UP_ROUNDS = 20;
const LOAD_MS = 3_000;
/** Until all processes of a load are up. */
const LOAD_STARTS_MS = 4_000;

/** As the table names them. */
const KINDS = ['PING', 'one SET', 'acquire', 'record', 'denial'] as const;
type Kind = (typeof KINDS)[number];

/** ms of each single call. */
type Samples = Readonly<Record<Kind, number[]>>;

function noSamples(): Samples {
  return { PING: [], 'one SET': [], acquire: [], record: [], denial: [] };
}

/** What asking the circuit costs, next to the least a round trip can cost. */
export const benchCircuit: Benchmark = async (setting) => {
  const redis = connectRedis(setting.redis.url, 'patient', () => undefined);
  const circuit = defaultCircuit(redis, NAMESPACE);
  const open = defaultCircuit(redis, `${NAMESPACE}-open`);
  await open.operate('hold', { actor: 'bench', reason: 'denials are measured' });
  try {
    const one = await measure(redis, circuit, open, 1, 5 * setting.rounds);
    const fifty = await measure(redis, circuit, open, 50, setting.rounds);
    return [
      ...figuresOf(one, 1, { acquire: 1.2, record: 1.3 }),
      atMost(toPing(one, 'denial', 1), 2, 'p99'),
      atMost(figure('denial, 1 in flight', spread(one.denial)), 1, 'p99'),
      ...figuresOf(fifty, 50, { acquire: 1.4, record: 2.2 }),
      await loadFigure(setting, 1),
      await loadFigure(setting, 4),
    ];
  } finally {
    redis.disconnect();
  }
};

/** Interleaved in small rounds, so that whatever else the machine does meets all kinds alike. */
async function measure(
  redis: Redis,
  circuit: Circuit,
  open: Circuit,
  inFlight: number,
  rounds: number,
): Promise<Samples> {
  const setOne = redisScript(redis, ONE_SET);
  let samples = noSamples();
  for (let round = -WARM_UP_ROUNDS; round < rounds; round += 1) {
    if (round === 0) samples = noSamples();
    const subjects = Array.from({ length: CALLS_PER_LANE * inFlight }, newSubject);
    const permissions = new Map<Subject, string>();
    await timed(samples.PING, subjects, inFlight, () => redis.ping());
    await timed(samples['one SET'], subjects, inFlight, ({ jobId }) =>
      setOne([`{${NAMESPACE}}:one:${jobId}`], [jobId]),
    );
    await timed(samples.acquire, subjects, inFlight, async (subject) => {
      permissions.set(subject, await acquire(circuit, subject));
    });
    await timed(samples.denial, subjects, inFlight, (subject) => open.acquire(subject));
    const outcomes = subjects.map((subject) => outcomeOf(subject, permissions.get(subject) ?? ''));
    await timed(samples.record, outcomes, inFlight, ({ subject, permission, report }) =>
      circuit.record(subject, permission, report),
    );
    await redis.unlink(eventStreamKey(NAMESPACE));
  }
  return samples;
}

/** What `record` is given: telling the outcome is the processor's work, and counts in throughput. */
function outcomeOf(subject: Subject, permission: string) {
  return { subject, permission, report: deliveredReport(subject, permission) };
}

/** Calls `work` for each, so many at once, and notes how long each took. */
async function timed<Item>(
  samples: number[],
  items: readonly Item[],
  inFlight: number,
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  const waiting = [...items];
  const lane = async () => {
    for (let item = waiting.pop(); item; item = waiting.pop()) {
      const from = performance.now();
      await work(item);
      samples.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

function figuresOf(
  samples: Samples,
  inFlight: number,
  targets: { readonly acquire: number; readonly record: number },
): Figure[] {
  return [
    ...KINDS.map((kind) => figure(`${kind}, ${inFlight} in flight`, spread(samples[kind]))),
    toPing(samples, 'one SET', inFlight),
    atMost(toPing(samples, 'acquire', inFlight), targets.acquire, 'p50'),
    atMost(toPing(samples, 'record', inFlight), targets.record, 'p50'),
  ];
}

function toPing(samples: Samples, kind: Kind, inFlight: number): Figure {
  const to = (share: number) => pings(ratio(samples[kind], samples.PING, share));
  return figure(`${kind}, ${inFlight} in flight, to PING`, { p50: to(0.5), p99: to(0.99) });
}

function ratio(samples: readonly number[], base: readonly number[], share: number): number {
  return percentile(samples, share) / percentile(base, share);
}

async function loadFigure({ redis }: BenchSetting, processes: number): Promise<Figure> {
  const env = {
    REDIS_URL: redis.url,
    SYNC_NAMESPACE: `${NAMESPACE}-load`,
    START_AT: String(Date.now() + LOAD_STARTS_MS),
    LOAD_MS: String(LOAD_MS),
  };
  const loads = Array.from({ length: processes }, () => startProcess('scripts/bench/circuit-load.ts', env));
  const lines = await Promise.all(loads.map((load) => load.waitForLog('load made', 60_000)));
  const scripts = lines.reduce((total, line) => total + Number(line['scripts']), 0);
  const who = processes === 1 ? '1 process' : `${processes} processes`;
  return figure(`acquire + record, ${who}, 50 in flight each`, perSecond((scripts / LOAD_MS) * 1_000));
}
