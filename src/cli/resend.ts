import type { Command } from 'commander';
import { loadConfig, secretsOf } from '../base/config/config.ts';
import { createRedactor } from '../base/redaction.ts';
import { ResendRefusedError, type Resent, resend } from '../sync/dead-letters/resend.ts';
import { changedNumberProblem } from '../sync/jobs/exact-numbers.ts';
import { parseJob, type SyncJob } from '../sync/jobs/jobs.ts';
import { isSyncKey } from '../sync/jobs/sync-key.ts';
import { openQueue } from '../sync/queue.ts';
import { openInput } from './input-file.ts';
import { ACTOR, notEmpty, REASON, type WordOptions, wordOf } from './options.ts';
import { readPayloads } from './payload-source.ts';
import { withRedis } from './with-redis.ts';

interface ResendOptions extends WordOptions {
  readonly file?: string;
  readonly json?: true;
}

export function registerResend(program: Command): void {
  program
    .command('resend')
    .description('send a delivered payload again on purpose, under the same Idempotency-Key')
    .argument('<id>', 'its job id or sync key')
    .requiredOption(...REASON)
    .option(...ACTOR)
    .option(
      '-f, --file <file>',
      'where its payload is, once the queue has forgotten it; - is the standard input',
      notEmpty,
    )
    .option('--json', 'as JSON')
    .action(sendAgain);
}

async function sendAgain(id: string, { file, json, ...options }: ResendOptions): Promise<void> {
  const { redisUrl, namespace } = loadConfig('deadLetters');
  const redact = createRedactor(secretsOf());
  const word = wordOf(options, redact);
  const resent = await withRedis(redisUrl, async (redis) => {
    const queue = openQueue(redis, namespace);
    try {
      const deps = { redis, queue, namespace, redact };
      return await resend(deps, { id, word, payload: () => payloadOf(id, file) });
    } finally {
      await queue.close();
    }
  });
  console.log(json ? JSON.stringify(resent) : describe(resent));
}

/** Of a file of many payloads, the one with this sync key; a job id of another kind needs a file of one. */
async function payloadOf(id: string, file: string | undefined): Promise<SyncJob> {
  if (file === undefined) {
    throw new ResendRefusedError(`The queue has no job ${id} any more: give its payload with --file`);
  }
  const isKey = isSyncKey(id);
  const found: SyncJob[] = [];
  for await (const payload of readPayloads(openInput(file).chunks)) {
    if ('unreadable' in payload) continue;
    const parsed = parseJob('push_sales', payload.data, payload.changed.map(changedNumberProblem));
    if (parsed.ok && (!isKey || parsed.job.syncKey === id)) found.push(parsed.job);
    if (found.length > (isKey ? 0 : 1)) break;
  }
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) return only;
  const needed = isKey ? `the valid payload with the sync key ${id}` : `one valid payload, the one of ${id}`;
  throw new ResendRefusedError(`${file} must hold ${needed}`);
}

function describe({ jobId, syncKey }: Resent): string {
  return `${jobId} is in the queue again, and goes out under the same Idempotency-Key, ${syncKey}.`;
}
