import type { Command } from 'commander';
import { loadConfig, secretsOf } from '../base/config/config.ts';
import { connectDatabase } from '../base/database.ts';
import { ConexxusSyncError } from '../base/errors.ts';
import { createRedactor, redactData, redactJson } from '../base/redaction.ts';
import { readHistory } from '../events/history.ts';
import {
  createDeadLetters,
  type DeadLetterFilter,
  type DeadLetters,
} from '../sync/dead-letters/dead-letters.ts';
import { type Deed, groupRecord, letterRecord, missedRecord } from '../sync/dead-letters/records.ts';
import { type Survey, survey } from '../sync/dead-letters/survey.ts';
import { openQueue } from '../sync/queue.ts';
import { registerRepair } from './dead-letter-repair.ts';
import {
  groupLines,
  type History,
  missedLine,
  renderDeadLetter,
  renderEntry,
  times,
} from './dead-letter-view.ts';
import {
  ACTOR,
  ago,
  listed,
  notEmpty,
  positive,
  REASON,
  UsageError,
  type WordOptions,
  wordOf,
} from './options.ts';
import { jsonList, write } from './output.ts';
import { reasonOf } from './reason.ts';
import { reportRehearsal, reportVerdicts } from './verdict-report.ts';
import { withRedis } from './with-redis.ts';

interface FilterOptions {
  readonly id?: readonly string[];
  readonly job?: string;
  readonly location?: string;
  readonly since?: number;
  readonly until?: number;
  readonly error?: string;
  readonly group?: string;
  readonly json?: true;
}

interface ListOptions extends FilterOptions {
  readonly limit: number;
}

interface DeedOptions extends FilterOptions, Partial<WordOptions> {
  readonly rate?: number;
  readonly yes?: true;
}

class NoSuchDeadLetterError extends ConexxusSyncError {
  readonly code = 'NO_SUCH_DEAD_LETTER';
}

const LIST_LIMIT = 50;
const DEEDS = {
  replay: 'put dead letters back into the queue, with a full retry budget',
  discard: 'give dead letters up for good: only the event log keeps the beginning of their payload',
} as const;

const redact = createRedactor(secretsOf());

export function registerDeadLetters(program: Command): void {
  const group = program
    .command('dead-letters')
    .description('jobs that were given up: look, replay, discard, repair');
  filtered(group.command('list').description('count them by what they died of, and list them, newest first'))
    .option('--limit <n>', 'list at most so many; all are counted', positive, LIST_LIMIT)
    .action(list);
  group
    .command('show')
    .description('show one: payload, reason, and its history from the event log (where DATABASE_URL is set)')
    .argument('<id>', 'job id')
    .option('--json', 'as JSON')
    .option('--payload', 'its payload alone, to be edited for `repair`')
    .action(show);
  registerDeed(group, 'replay');
  registerDeed(group, 'discard');
  registerRepair(group);
}

function registerDeed(group: Command, deed: Deed): void {
  const description = `${DEEDS[deed]}; only counts them, unless --yes is given; exits 1 where an --id is in vain, or one is refused`;
  filtered(group.command(deed).description(description))
    .option('--yes', 'do it')
    .option(...REASON)
    .option(...ACTOR)
    .option('--rate <n>', 'at most so many a second', positive)
    .action((options: DeedOptions) => (options.yes ? pass(deed, options) : rehearse(deed, options)));
}

function filtered(command: Command): Command {
  return command
    .option('--id <id>', 'this one; may be given again', listed)
    .option('--job <name>', 'of this job name', notEmpty)
    .option('--location <id>', 'of this location', notEmpty)
    .option('--since <time>', 'died then or later: a time with its offset, or so long ago, like 2h', ago)
    .option('--until <time>', 'died then or earlier', ago)
    .option('--error <text>', 'with this in their reason or error code', notEmpty)
    .option('--group <key>', 'that died of the same, by the key in the list', notEmpty)
    .option('--json', 'as JSON');
}

function filterOf({ id, job, location, since, until, error, group }: FilterOptions): DeadLetterFilter {
  if (since !== undefined && until !== undefined && since > until) {
    throw new UsageError('--since is later than --until');
  }
  return { ids: id, job, locationId: location, since, until, error, group };
}

async function list({ limit, json, ...options }: ListOptions): Promise<void> {
  const filter = filterOf(options);
  const { missed } = await withDeadLetters((letters) =>
    json ? listAsJson(letters, filter, limit) : listAsText(letters, filter, limit),
  );
  if (missed.length > 0) process.exitCode = 1;
}

async function listAsJson(letters: DeadLetters, filter: DeadLetterFilter, limit: number): Promise<Survey> {
  const document = jsonList('deadLetters');
  const found = await survey(letters, filter, async (letter, place) => {
    if (place >= limit) return;
    await document.add(JSON.parse(redactJson(JSON.stringify(letterRecord(letter)), redact)));
  });
  const { total, toBeSplit } = found;
  const groups = found.groups.map(groupRecord);
  const missed = found.missed.map(missedRecord);
  const rest = { more: total > limit, total, toBeSplit, missed, groups };
  await document.end(JSON.parse(redactJson(JSON.stringify(rest), redact)));
  return found;
}

async function listAsText(letters: DeadLetters, filter: DeadLetterFilter, limit: number): Promise<Survey> {
  const columns = process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY;
  const entries: string[] = [];
  const found = await survey(letters, filter, (letter, place) => {
    if (place < limit) entries.push(renderEntry(letter, Date.now(), columns));
  });
  await write(`${redact(listLines(found, entries, columns).join('\n'))}\n`);
  return found;
}

function listLines(found: Survey, entries: readonly string[], columns: number): readonly string[] {
  const { total, groups } = found;
  if (total === 0) return ['No dead letters.', ...leftLines(found)];
  const head = [`${times(total, 'dead letter')}, which died of:`, ...groupLines(groups, Date.now(), columns)];
  const end =
    total > entries.length
      ? ['', `The newest ${entries.length}; there are more (--limit, or a filter).`]
      : [];
  return [...head, '', ...entries, ...end, ...leftLines(found)];
}

function leftLines({ toBeSplit, missed }: Survey): string[] {
  const batches = toBeSplit === 1 ? '1 batch' : `${toBeSplit} batches`;
  return [
    ...(toBeSplit > 0 ? ['', `Not counted: ${batches} that the relay is about to send in halves.`] : []),
    ...(missed.length > 0 ? ['', ...missed.map(missedLine)] : []),
  ];
}

async function show(id: string, { json, payload }: { json?: true; payload?: true }): Promise<void> {
  await withDeadLetters(async (letters) => {
    const { value } = await letters.scan({ ids: [id] }, 'newest-first').next();
    if (value === undefined) throw new NoSuchDeadLetterError(`There is no dead letter ${id}`);
    const letter = { ...value, data: redactData(value.data, redact) };
    if (payload) return write(`${JSON.stringify(letter.data, undefined, 2)}\n`);
    const history = await historyOf(id);
    if (!json) return write(`${redact(renderDeadLetter(letter, history, Date.now()))}\n`);
    const record = { ...letterRecord(letter), data: letter.data, history };
    return write(`${redactJson(JSON.stringify(record), redact)}\n`);
  });
}

async function historyOf(id: string): Promise<History> {
  if (!process.env['DATABASE_URL']) return { unknown: 'not asked: DATABASE_URL is not set' };
  const { databaseUrl } = loadConfig('migrate');
  const database = connectDatabase(databaseUrl, { max: 1 });
  try {
    return { events: await readHistory(database, id) };
  } catch (error) {
    return { unknown: `Postgres could not be asked: ${reasonOf(error)}` };
  } finally {
    await database.close();
  }
}

async function rehearse(deed: Deed, options: DeedOptions): Promise<void> {
  const filter = filterOf(options);
  const found = await withDeadLetters((letters) => survey(letters.deaths, filter));
  await reportRehearsal(deed, found, options.json === true, redact);
  if (found.missed.length > 0) process.exitCode = 1;
}

async function pass(deed: Deed, { reason, actor, rate, json, ...options }: DeedOptions): Promise<void> {
  const filter = filterOf(options);
  if (reason === undefined) throw new UsageError('--yes needs --reason TEXT, for the audit trail');
  const word = wordOf(actor === undefined ? { reason } : { reason, actor }, redact);
  const { refused, inVain } = await withDeadLetters((letters) =>
    reportVerdicts(deed, letters[deed](filter, word, { perSecond: rate }), json === true),
  );
  // Of many, what somebody else was faster with is dealt with; who gives an id wants that one done.
  if (refused > 0 || (filter.ids !== undefined && inVain > 0)) process.exitCode = 1;
}

async function withDeadLetters<Result>(work: (letters: DeadLetters) => Promise<Result>): Promise<Result> {
  const { redisUrl, namespace } = loadConfig('deadLetters');
  return withRedis(redisUrl, async (redis) => {
    const queue = openQueue(redis, namespace);
    try {
      return await work(createDeadLetters({ redis, queue, namespace, redact }));
    } finally {
      await queue.close();
    }
  });
}
