import { type Command, InvalidArgumentError, Option } from 'commander';
import { loadConfig, secretsOf } from '../base/config/config.ts';
import { createRedactor, redactJson } from '../base/redaction.ts';
import { createOutboxActs, type OutboxActs, rehearse } from '../outbox/acts.ts';
import { readReport } from '../outbox/counts.ts';
import { type Act, type ActedOn, filterFault, OPEN_TO_ACTS, type SaleFilter } from '../outbox/meant.ts';
import { readStatus } from '../outbox/status.ts';
import { openQueue } from '../sync/queue.ts';
import { calendarDate } from './books.ts';
import { ACTOR, listed, notEmpty, REASON, UsageError, type WordOptions, wordOf } from './options.ts';
import { type LastRelay, renderOutcome, renderRehearsal, renderStatus, statusRecord } from './outbox-view.ts';
import { write } from './output.ts';
import { withOutbox } from './with-outbox.ts';
import { withRedis } from './with-redis.ts';

interface FilterOptions {
  readonly sale?: readonly string[];
  readonly line?: readonly string[];
  readonly location?: string;
  readonly date?: string;
  readonly state?: ActedOn;
  readonly all?: true;
}

interface ActOptions extends FilterOptions, Partial<WordOptions> {
  readonly held?: true;
  readonly yes?: true;
  readonly json?: true;
}

const ACTS = {
  release: 'send sales again: set apart or dead ones, under the key that they had',
  discard: 'give sales up for good: waiting ones, set apart or dead ones',
} as const;

const redact = createRedactor(secretsOf());

export function registerOutbox(program: Command): void {
  const group = program
    .command('outbox')
    .description('sales in the database of the POS: look, release, discard');
  group
    .command('status')
    .description('show by store what waits and what became of the rest; exits 1 where the relays are held')
    .option('--json', 'as JSON')
    .action(showStatus);
  registerAct(group, 'release').option(
    '--held',
    'let the relays go on, which wait for a person (a restored database); needs --reason alone',
  );
  registerAct(group, 'discard');
}

function registerAct(group: Command, act: Act): Command {
  const states = OPEN_TO_ACTS.filter((state) => act === 'discard' || state !== 'waiting');
  return group
    .command(act)
    .description(`${ACTS[act]}; only counts them, unless --yes is given; exits 1 where any is refused`)
    .option('--sale <id>', 'this one, by its transaction id; may be given again', listed)
    .option('--line <number>', 'this one, by its line in the view; may be given again', lineNumber)
    .option('--location <id>', 'of this store', notEmpty)
    .option('--date <date>', 'of this business date', calendarDate)
    .addOption(new Option('--state <state>', 'in this state').choices(states))
    .option('--all', 'of all stores and days')
    .option('--yes', 'do it')
    .option(...REASON)
    .option(...ACTOR)
    .option('--json', 'as JSON')
    .action((options: ActOptions) => run(act, options));
}

function lineNumber(line: string, lines: readonly string[] | undefined): readonly string[] {
  if (!/^\d{1,18}$/.test(line)) throw new InvalidArgumentError('It is no whole number.');
  return [...(lines ?? []), String(BigInt(line))];
}

const FAULTS = {
  'says-nothing': 'Say which sales: --sale, --line, --location, --date or --all',
  'all-and-some': '--all leaves none out: no other but --state goes with it',
  'state-of-named': '--state is for many sales: these are named',
} as const;

function filterOf({ sale, line, location, date, state, all }: FilterOptions): SaleFilter {
  const filter = { sales: sale, lines: line, locationId: location, date, state };
  const fault = filterFault(filter, all === true);
  if (fault !== undefined) throw new UsageError(FAULTS[fault]);
  return filter;
}

async function showStatus({ json }: { json?: true }): Promise<void> {
  const { outboxDatabaseUrl, redisUrl, namespace } = loadConfig('outbox');
  const [status, relay] = await Promise.all([
    withOutbox(outboxDatabaseUrl, (database) => database.read(readStatus)),
    readRelay(redisUrl, namespace),
  ]);
  await write(
    json
      ? `${redactJson(JSON.stringify(statusRecord(status, relay)), redact)}\n`
      : `${redact(renderStatus(status, relay))}\n`,
  );
  if (status.held !== null) process.exitCode = 1;
}

/** Of what is asked this alone is in Redis, and the rest is worth telling without it. */
async function readRelay(redisUrl: string, namespace: string): Promise<LastRelay> {
  try {
    const report = await withRedis(redisUrl, (redis) => readReport(redis, namespace));
    return report && { ...report.relay, agoMs: report.agoMs };
  } catch {
    return undefined;
  }
}

async function run(act: Act, { held, yes, json, reason, actor, ...options }: ActOptions): Promise<void> {
  if (held) return releaseHeld({ reason, actor, json, ...options });
  const filter = filterOf(options);
  if (yes !== true) return tryOut(act, filter, json);
  const word = wordIn('--yes', reason, actor);
  const outcome = await withActs((acts) => acts[act](filter, word));
  await report(json, { result: outcome }, renderOutcome(act, outcome));
  if (outcome.refused.length > 0) process.exitCode = 1;
}

async function tryOut(act: Act, filter: SaleFilter, json: true | undefined): Promise<void> {
  const { outboxDatabaseUrl } = loadConfig('outbox');
  const outcome = await withOutbox(outboxDatabaseUrl, (database) => rehearse(database, act, filter));
  await report(json, { dryRun: true, result: outcome }, renderRehearsal(act, outcome));
  if (outcome.refused.length > 0) process.exitCode = 1;
}

type HeldOptions = FilterOptions & { [Name in 'reason' | 'actor']: string | undefined } & {
  json: true | undefined;
};

async function releaseHeld({ reason, actor, json, ...options }: HeldOptions): Promise<void> {
  if (Object.keys(options).length > 0)
    throw new UsageError('--held is about the relays: no sales go with it');
  const word = wordIn('--held', reason, actor);
  const held = await withActs((acts) => acts.releaseRelays(word));
  const said =
    held === null
      ? 'The relays were not held. Nothing was done.'
      : `The relays go on. They were held: ${held}`;
  await report(json, { released: held }, said);
}

function wordIn(option: string, reason: string | undefined, actor: string | undefined) {
  if (reason === undefined) throw new UsageError(`${option} needs --reason TEXT, for the audit trail`);
  return wordOf(actor === undefined ? { reason } : { reason, actor }, redact);
}

async function report(json: true | undefined, record: object, text: string): Promise<void> {
  await write(json ? `${redactJson(JSON.stringify(record), redact)}\n` : `${redact(text)}\n`);
}

async function withActs<Result>(work: (acts: OutboxActs) => Promise<Result>): Promise<Result> {
  const { redisUrl, namespace, outboxDatabaseUrl } = loadConfig('outbox');
  return withRedis(redisUrl, async (redis) => {
    const queue = openQueue(redis, namespace);
    try {
      return await withOutbox(outboxDatabaseUrl, (database) =>
        work(createOutboxActs({ database, redis, queue, namespace, redact })),
      );
    } finally {
      await queue.close();
    }
  });
}
