import type { Command } from 'commander';
import type { Redis } from 'ioredis';
import { loadConfig, type PartConfig, secretsOf } from '../base/config/config.ts';
import type { Moment } from '../base/moment.ts';
import { createRedactor } from '../base/redaction.ts';
import type { CircuitAction } from '../circuit/circuit.ts';
import { readPauser } from '../sync/gate/pauser.ts';
import { openQueue } from '../sync/queue.ts';
import type { CircuitReport } from '../sync/report/circuit-report.ts';
import { createFleet, type Fleet, timeToCome } from '../sync/report/fleet.ts';
import { onlookerOptionsOf } from '../sync/settings.ts';
import { type CircuitView, renderCircuit } from './circuit-view.ts';
import { watchCircuit } from './circuit-watch.ts';
import { ACTOR, REASON, until, type WordOptions, wordOf } from './options.ts';
import { withRedis } from './with-redis.ts';

interface StatusOptions {
  readonly json?: true;
}

interface ActionOptions extends StatusOptions, WordOptions {
  readonly until?: Moment;
}

interface Action {
  readonly name: CircuitAction;
  readonly description: string;
  /** It may be given an end. */
  readonly ends: boolean;
}

type Config = PartConfig<'circuit'>;

const ACTIONS: readonly Action[] = [
  { name: 'hold', description: 'stop all calls', ends: true },
  { name: 'release', description: 'end the hold, or else the bypass', ends: false },
  { name: 'bypass', description: 'let every call through, and count nothing', ends: true },
  { name: 'trial', description: 'try now: ends the wait of an open or rate-limited circuit', ends: false },
  { name: 'reset', description: 'close it, with nothing counted', ends: false },
];

const EXIT_CODES = { closed: 0, 'half-open': 10, open: 11 } as const;
const EXIT_HELD = 12;
const EXIT_RATE_LIMITED = 13;
const EXIT_BYPASSED = 14;
const JSON_OPTION = ['--json', 'the status as JSON'] as const;

export function registerCircuit(program: Command): void {
  const circuit = program.command('circuit').description('look at the circuit, and steer it');
  circuit
    .command('status')
    .description(
      'show the circuit; exits 0: closed, 10: half-open, 11: open, 12: held, 13: rate limited, 14: bypassed',
    )
    .option(...JSON_OPTION)
    .action(showStatus);
  circuit
    .command('watch')
    .description(
      'the status, the queue and the workers, live until Ctrl-C; where the output is no terminal, a line whenever ' +
        'something moves',
    )
    .action(watchCircuit);
  for (const action of ACTIONS) registerAction(circuit, action);
}

function registerAction(circuit: Command, { name, description, ends }: Action): void {
  const command = circuit
    .command(name)
    .description(`${description}; prints the new status`)
    .requiredOption(...REASON)
    .option(...ACTOR)
    .option(...JSON_OPTION)
    .action((options: ActionOptions) => act(name, options));
  if (ends) {
    command.option(
      '--until <time>',
      'when it ends by itself: a time with its offset, or a duration like 30m or 2h',
      until,
    );
  }
}

async function showStatus(options: StatusOptions): Promise<void> {
  const config = loadConfig('circuit');
  const view = await withRedis(config.redisUrl, (redis) =>
    look(redis, config.namespace, fleetOf(redis, config)),
  );
  print(view, options);
  process.exitCode = exitCodeOf(view.report);
}

async function act(action: CircuitAction, { until: end, ...options }: ActionOptions): Promise<void> {
  const config = loadConfig('circuit');
  const word = wordOf(options, createRedactor(secretsOf()));
  const view = await withRedis(config.redisUrl, async (redis) => {
    const fleet = fleetOf(redis, config);
    const ends = end === undefined ? {} : { until: await timeToCome(end, fleet) };
    await fleet.operate(action, { ...word, ...ends });
    return look(redis, config.namespace, fleet);
  });
  print(view, options);
}

async function look(redis: Redis, namespace: string, fleet: Fleet): Promise<CircuitView> {
  const queue = openQueue(redis, namespace);
  try {
    const [{ report, workers, now }, pauser, counts] = await Promise.all([
      fleet.look(),
      readPauser(redis, queue),
      queue.getJobCounts('waiting', 'prioritized', 'delayed', 'active', 'failed'),
    ]);
    return { report, workers, pauser, counts, now };
  } finally {
    await queue.close();
  }
}

function fleetOf(redis: Redis, { namespace, circuit, events }: Config): Fleet {
  return createFleet({ redis, namespace, ownOptions: onlookerOptionsOf(circuit, events.backlogMax) });
}

function print(view: CircuitView, { json = false }: { json?: boolean }): void {
  console.log(json ? JSON.stringify(view.report) : renderCircuit(view));
}

function exitCodeOf({ state, hold, bypass, cooldownUntil }: CircuitReport): number {
  if (hold !== null) return EXIT_HELD;
  if (bypass !== null) return EXIT_BYPASSED;
  return state !== 'open' && cooldownUntil !== null ? EXIT_RATE_LIMITED : EXIT_CODES[state];
}
