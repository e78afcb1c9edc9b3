import { constants } from 'node:os';
import { Argument, type Command } from 'commander';
import { loadConfig } from '../base/config/config.ts';
import { ConexxusSyncError } from '../base/errors.ts';
import { untilSignal } from '../base/lifecycle.ts';
import { changedNumberProblem } from '../sync/jobs/exact-numbers.ts';
import { JOB_NAMES, parseJob, type SyncJob } from '../sync/jobs/jobs.ts';
import { createEnqueuer, type Enqueuer } from '../sync/producer/enqueuer.ts';
import { createReport, type EnqueueReport } from './enqueue-report.ts';
import { type Input, openInput } from './input-file.ts';
import { notEmpty, UsageError } from './options.ts';
import { type Payload, type Place, readPayloads } from './payload-source.ts';

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
    .option(
      '-f, --file <file>',
      'where the payloads are, packed by gzip or not; - is the standard input',
      notEmpty,
    )
    .option('-l, --location <id>', 'fetch_inventory: for this location (default: LOCATION_ID)', notEmpty)
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      '\nNeeds REDIS_URL and SYNC_NAMESPACE. Exits 1 if anything was refused or not enqueued, 130 after Ctrl-C;\n' +
        'to run the same again goes on where it was stopped.',
    )
    .action(enqueue);
}

async function enqueue(job: string, options: EnqueueOptions): Promise<void> {
  const { redisUrl, namespace, locationId } = loadConfig('enqueue');
  const stopping = new AbortController();
  const source = sourceOf(job, options, locationId, stopping.signal);
  const report = createReport(job, options.json === true);
  // What connection errors mean is in the error of the call that they spoil.
  const enqueuer = createEnqueuer({ redisUrl, namespace, onError: () => undefined });
  void untilSignal().then((signal) => {
    stopping.abort();
    process.exitCode = 128 + constants.signals[signal];
  });
  try {
    const last = await transfer(job, source, enqueuer, report);
    if (stopping.signal.aborted) report.stopped(last);
  } catch (error) {
    if (!(error instanceof ConexxusSyncError)) throw error;
    report.broken(error);
  } finally {
    await enqueuer.close();
  }
  report.print();
  if (report.failed()) process.exitCode ??= 1;
}

/** Where payloads come from, and how far it is read. */
interface Source {
  readonly payloads: AsyncIterable<Payload>;
  readonly read: Input['read'];
  readonly stopping: AbortSignal;
}

function sourceOf(job: string, options: EnqueueOptions, locationId: string, stopping: AbortSignal): Source {
  const { file, location } = options;
  if (file !== undefined && location !== undefined) {
    throw new UsageError('Give either --file or --location, not both');
  }
  if (file !== undefined) {
    const input = openInput(file, stopping);
    return { payloads: readPayloads(input.chunks), read: () => input.read(), stopping };
  }
  if (job !== 'fetch_inventory') throw new UsageError(`${job} needs --file FILE (- for the standard input)`);
  const payloads = oneOf({ locationId: location ?? locationId });
  return { payloads, read: () => ({ bytes: 0, total: undefined }), stopping };
}

async function* oneOf(data: unknown): AsyncGenerator<Payload> {
  yield { place: { unit: 'item', number: 1 }, data, changed: [] };
}

/** Until the end, or until it is stopped; the last payload's place. */
async function transfer(
  name: string,
  { payloads, read, stopping }: Source,
  enqueuer: Enqueuer,
  report: EnqueueReport,
): Promise<Place | undefined> {
  const jobs: SyncJob[] = [];
  let last: Place | undefined;
  const flush = async () => report.enqueued(await enqueuer.enqueue(jobs.splice(0)), read());
  for await (const payload of payloads) {
    // What comes behind may be half a line: the rest of it is not read any more.
    if (stopping.aborted) break;
    const job = jobOf(name, payload, report);
    if (job !== undefined) jobs.push(job);
    last = payload.place;
    if (jobs.length === HANDFUL) await flush();
  }
  await flush();
  return last;
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
