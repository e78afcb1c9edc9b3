/** `npm run simulator`: a Conexxus API on this machine, steered over HTTP. */
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { errorMessage } from '../../../src/base/errors.ts';
import type { LedgerSummary } from './protocol.ts';
import { DEFAULT_API_KEY, type Simulator, type SimulatorOptions, startSimulator } from './simulator.ts';

interface Flags {
  readonly host: string;
  readonly port: number;
  readonly controlPort?: number;
  readonly apiKey: string;
  readonly catalog?: string;
  readonly idempotency: 'replay' | 'conflict' | 'off';
  readonly seed: number;
}

const command = new Command('simulator')
  .description('A Conexxus API with a ledger and faults on demand, steered over HTTP on a second port.')
  .addOption(option('--port <port>', 'SIMULATOR_PORT', 'port of the API').argParser(integer).default(4010))
  .addOption(
    option(
      '--control-port <port>',
      'SIMULATOR_CONTROL_PORT',
      'port of the control API (default: port + 1)',
    ).argParser(integer),
  )
  .addOption(option('--host <address>', 'SIMULATOR_HOST', 'address to listen on').default('127.0.0.1'))
  .addOption(option('--api-key <key>', 'SIMULATOR_API_KEY', 'key to ask for').default(DEFAULT_API_KEY))
  .addOption(
    option(
      '--catalog <file>',
      'SIMULATOR_CATALOG',
      'JSON array of items to serve (default: 40 made-up ones)',
    ),
  )
  .addOption(
    option(
      '--idempotency <mode>',
      'SIMULATOR_IDEMPOTENCY',
      'what the same Idempotency-Key gets the second time',
    )
      .choices(['replay', 'conflict', 'off'])
      .default('replay'),
  )
  .addOption(
    option('--seed <number>', 'SIMULATOR_SEED', 'of all that is random').argParser(integer).default(1),
  )
  .addHelpText('after', () => `\n${steering('http://127.0.0.1:4011')}`);

try {
  await run(command.parse().opts<Flags>());
} catch (error) {
  command.error(`error: ${errorMessage(error)}`);
}

async function run({ catalog, ...flags }: Flags): Promise<void> {
  const options: SimulatorOptions = { ...flags, ...(catalog && { catalog: readFileSync(catalog, 'utf8') }) };
  const simulator = await startSimulator(options);
  console.log(greeting(simulator));
  await new Promise((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  console.log(farewell(await simulator.summary()));
  await simulator.stop();
}

function greeting({ url, controlUrl, apiKey }: Simulator): string {
  return `Conexxus simulator on ${url}, control on ${controlUrl}. Ctrl-C ends it.

Point a worker at it:
  CONEXXUS_API_URL=${url} CONEXXUS_API_KEY=${apiKey} npm run worker

${steering(controlUrl)}`;
}

function steering(controlUrl: string): string {
  const curl = (what: string) => `  curl -s ${what.replace('/control', `${controlUrl}/control`)}`;
  return `Steer it:
  # what it got: sums, and every request (?path= &key= &since=)
${curl("'/control/ledger?summary=1'")}
${curl('/control/ledger')}
${curl('-X DELETE /control/ledger')}
  # the API as a whole: ok, down (refuses connections), or a status; later, and for a while
${curl(`-X PUT /control/mode -d '{"mode":"down"}'`)}
${curl(`-X PUT /control/mode -d '{"mode":503,"afterRequests":50,"forMs":20000}'`)}
${curl(`-X PUT /control/mode -d '{"mode":"ok"}'`)}
  # faults by rule, the first that strikes wins (kinds and matches: test/support/simulator/protocol.ts)
${curl(`-X PUT /control/faults -d '[{"match":{"locationId":"store-7","times":3},"fault":{"kind":"status","status":422}}]'`)}
${curl(`-X PUT /control/faults -d '[{"match":{"path":"/api/v1/health"},"fault":{"kind":"hang"}}]'`)}
${curl('/control/faults')}
${curl('-X DELETE /control/faults')}
  # key, idempotency (replay, conflict, off), latency of every answer
${curl(`-X PUT /control/settings -d '{"latency":{"kind":"lognormal","median":80,"sigma":0.5}}'`)}
  # the catalog it serves
${curl('-X PUT /control/catalog --data-binary @catalog.json')}`;
}

function farewell({ requests, applied, appliedTwice, transactions }: LedgerSummary): string {
  return `${requests} requests, ${applied} sales applied (${transactions} transactions), ${appliedTwice} keys applied twice.`;
}

function option(flags: string, variable: string, description: string): Option {
  return new Option(flags, description).env(variable);
}

function integer(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It is to be a whole number.');
  return Number(text);
}
