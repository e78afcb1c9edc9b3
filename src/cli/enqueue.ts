import { Argument, type Command } from 'commander';
import { loadConfig } from '../base/config/config.ts';
import { ConexxusSyncError } from '../base/errors.ts';
import { changedNumberProblem } from '../sync/jobs/exact-numbers.ts';
import { JOB_NAMES, parseJob, type SyncJob } from '../sync/jobs/jobs.ts';
import { createEnqueuer, type Enqueuer } from '../sync/producer/enqueuer.ts';
import { createReport, type EnqueueReport } from './enqueue-report.ts';
import { notEmpty, UsageError } from './options.ts';
import { openFile, type Payload, readPayloads } from './payload-source.ts';

interface EnqueueOptions {
  readonly file?: string;
  readonly location?: string;
  readonly json?: true;
}

/** Jobs go to the queue in handfuls of this many, so that a file of any size needs little memory. */
const HANDFUL = 250;

export function registerEnqueue(program: Command): void {
  program
    .command('enqueue')
    .description('Enqueue sync jobs from a file: JSON Lines, or one JSON document (an object or an array).')
    .addArgument(new Argument('<job>', 'what to enqueue').choices(JOB_NAMES))
    .option('-f, --file <file>', 'where the payloads are; - is the standard input', notEmpty)
    .option('-l, --location <id>', 'fetch_inventory: for this location (default: LOCATION_ID)', notEmpty)
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      '\nNeeds REDIS_URL and SYNC_NAMESPACE. Exits 1 if anything was refused or not enqueued.',
    )
    .action(enqueue);
}

async function enqueue(job: string, options: EnqueueOptions): Promise<void> {
  const { redisUrl, namespace, locationId } = loadConfig('enqueue');
  const payloads = payloadsOf(job, options, locationId);
  const report = createReport(job, options.json === true);
  // What connection errors mean is in the error of the call that they spoil.
  const enqueuer = createEnqueuer({ redisUrl, namespace, onError: () => undefined });
  try {
    await transfer(job, payloads, enqueuer, report);
  } catch (error) {
    if (!(error instanceof ConexxusSyncError)) throw error;
    report.broken(error);
  } finally {
    await enqueuer.close();
  }
  report.print();
  if (report.failed()) process.exitCode = 1;
}

function payloadsOf(job: string, options: EnqueueOptions, locationId: string): AsyncIterable<Payload> {
  if (options.file !== undefined && options.location !== undefined) {
    throw new UsageError('Give either --file or --location, not both');
  }
  if (options.file !== undefined) return readPayloads(openFile(options.file));
  if (job !== 'fetch_inventory') throw new UsageError(`${job} needs --file FILE (- for the standard input)`);
  return oneOf({ locationId: options.location ?? locationId });
}

async function* oneOf(data: unknown): AsyncGenerator<Payload> {
  yield { place: { unit: 'item', number: 1 }, data, changed: [] };
}

async function transfer(
  name: string,
  payloads: AsyncIterable<Payload>,
  enqueuer: Enqueuer,
  report: EnqueueReport,
): Promise<void> {
  const jobs: SyncJob[] = [];
  const flush = async () => report.enqueued(await enqueuer.enqueue(jobs.splice(0)));
  for await (const payload of payloads) {
    const job = jobOf(name, payload, report);
    if (job !== undefined) jobs.push(job);
    if (jobs.length === HANDFUL) await flush();
  }
  await flush();
}

function jobOf(name: string, payload: Payload, report: EnqueueReport): SyncJob | undefined {
  if ('unreadable' in payload) {
    report.refused(payload.place, [{ path: '', message: payload.unreadable }], 0);
    return undefined;
  }
  const parsed = parseJob(name, payload.data, payload.changed.map(changedNumberProblem));
  if (parsed.ok) return parsed.job;
  report.refused(payload.place, parsed.problems, parsed.more);
  return undefined;
}
