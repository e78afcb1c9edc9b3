import type { Command } from 'commander';
import { loadConfig, secretsOf } from '../base/config/config.ts';
import { connectDatabase, type Database } from '../base/database.ts';
import { createRedactor, redactJson } from '../base/redaction.ts';
import type { Edited } from '../sync/dead-letters/edit.ts';
import { replacementRecord } from '../sync/dead-letters/records.ts';
import { createRepairs, type Repairs, type Replacement } from '../sync/dead-letters/repair.ts';
import { openQueue } from '../sync/queue.ts';
import { times } from './dead-letter-view.ts';
import { openInput } from './input-file.ts';
import { ACTOR, notEmpty, REASON, UsageError, type WordOptions, wordOf } from './options.ts';
import { write } from './output.ts';
import { readPayloads } from './payload-source.ts';
import { oneLine, table } from './table.ts';
import { withRedis } from './with-redis.ts';

interface RepairOptions extends Partial<WordOptions> {
  readonly file: string;
  readonly inDoubt?: true;
  readonly yes?: true;
  readonly json?: true;
}

const redact = createRedactor(secretsOf());

export function registerRepair(group: Command): void {
  group
    .command('repair')
    .description(
      'send an edited sale in place of a dead letter, which is closed as replaced by it; only shows what differs, unless --yes is given',
    )
    .argument('<id>', 'job id of the dead letter')
    .requiredOption(
      '-f, --file <file>',
      'the edited payload, as `show --payload` prints it; - is the standard input',
      notEmpty,
    )
    .option('--yes', 'do it')
    .option(...REASON)
    .option(...ACTOR)
    .option(
      '--in-doubt',
      'also where Conexxus may have the dead one, since nobody knows how a try of it ended',
    )
    .option('--json', 'as JSON')
    .action(repair);
}

async function repair(id: string, { file, inDoubt, yes, json, reason, actor }: RepairOptions): Promise<void> {
  if (yes && reason === undefined) throw new UsageError('--yes needs --reason TEXT, for the audit trail');
  const asked = { id, edited: await readEdited(file), inDoubt };
  const replacement = await withRepairs((repairs) => {
    if (!yes || reason === undefined) return repairs.rehearse(asked);
    const word = wordOf(actor === undefined ? { reason } : { reason, actor }, redact);
    return repairs.repair({ ...asked, word });
  });
  const record = { ...(yes ? {} : { dryRun: true }), ...replacementRecord(replacement) };
  const text = json
    ? redactJson(JSON.stringify(record), redact)
    : redact(describe(replacement, yes === true));
  await write(`${text}\n`);
}

async function readEdited(file: string): Promise<Edited> {
  const edited: Edited[] = [];
  for await (const payload of readPayloads(openInput(file).chunks)) {
    if ('unreadable' in payload) throw new UsageError(`${file} ${payload.unreadable}`);
    edited.push(payload);
    if (edited.length > 1) break;
  }
  const [only, ...others] = edited;
  if (only !== undefined && others.length === 0) return only;
  throw new UsageError(
    `${file} must hold one payload, the edited one: it holds ${others.length > 0 ? 'more' : 'none'}`,
  );
}

function describe({ replaced, jobId, differences, inDoubt }: Replacement, isDone: boolean): string {
  const { list, more } = differences;
  const rows = list.map(({ path, from, to }) => [
    oneLine(path === '' ? '(all of it)' : path),
    `${oneLine(from ?? '(not there)')} -> ${oneLine(to ?? '(not there)')}`,
  ]);
  return [
    ...table(rows),
    ...(more > 0 ? [`  and ${times(more, 'more difference')}`] : []),
    ...(inDoubt ? [`Conexxus may have ${oneLine(replaced)} already: then it has both.`] : []),
    isDone
      ? `${oneLine(replaced)} is closed, replaced by ${jobId}, which is in the queue.`
      : `${oneLine(replaced)} would be replaced by ${jobId}. Nothing was done: add --yes and --reason TEXT to do it.`,
  ].join('\n');
}

async function withRepairs<Result>(work: (repairs: Repairs) => Promise<Result>): Promise<Result> {
  const { redisUrl, namespace } = loadConfig('deadLetters');
  const log = openLog();
  try {
    return await withRedis(redisUrl, async (redis) => {
      const queue = openQueue(redis, namespace);
      try {
        return await work(createRepairs({ redis, queue, namespace, redact, log }));
      } finally {
        await queue.close();
      }
    });
  } finally {
    await log?.close();
  }
}

/** Where it is known. */
function openLog(): Database | undefined {
  if (!process.env['DATABASE_URL']) return undefined;
  return connectDatabase(loadConfig('migrate').databaseUrl, { max: 1 });
}
