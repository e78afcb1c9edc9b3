import type { Command } from 'commander';
import { loadConfig, secretsOf } from '../base/config/config.ts';
import { connectDatabase, type Database } from '../base/database.ts';
import { ConexxusSyncError } from '../base/errors.ts';
import { untilSignal } from '../base/lifecycle.ts';
import { pause } from '../base/pause.ts';
import { isNotMigrated, postgresCause, sqlStateOf } from '../base/postgres-errors.ts';
import { createRedactor, redactJson } from '../base/redaction.ts';
import { type EventFilter, readNewest, wholeType } from '../events/browse.ts';
import { createFollower } from '../events/follow.ts';
import type { LoggedEvent } from '../events/logged-event.ts';
import { renderEvent } from './events-view.ts';
import { ago, notEmpty, positive, UsageError } from './options.ts';
import { write } from './output.ts';
import { isBug, reasonOf } from './reason.ts';

interface EventsOptions {
  readonly type?: string;
  readonly location?: string;
  readonly job?: string;
  readonly since?: number;
  readonly follow?: true;
  readonly limit: number;
  readonly json?: true;
}

/** The event log is away, is none, or may not be read. */
class EventLogError extends ConexxusSyncError {
  readonly code = 'EVENT_LOG_AWAY';
  override readonly isClean = true;
}

const LIMIT = 50;
const LOOK_EVERY_MS = 1_000;
/** Of what trying again does not mend: names and rights, passwords, databases that are not there. */
const LASTING = new Set(['42', '28', '3D']);

export function registerEvents(program: Command): void {
  program
    .command('events')
    .description('rows of the event log (DATABASE_URL), newest last')
    .option(
      '--type <pattern>',
      'of this type, or of all that begin so: conexxus.circuit.*, sync.failed.*',
      notEmpty,
    )
    .option('--location <id>', 'of this location', notEmpty)
    .option('--job <id>', 'of this job', notEmpty)
    .option('--since <time>', 'of then or later: a time with its offset, or so long ago, like 2h', ago)
    .option('--limit <n>', 'the newest so many', positive, LIMIT)
    .option(
      '--follow',
      'go on with new ones as they are written, until Ctrl-C; up to ten minutes late ones too',
    )
    .option('--json', 'each as a line of JSON')
    .action(showEvents);
}

async function showEvents({ follow, limit, json, ...options }: EventsOptions): Promise<void> {
  const filter = filterOf(options);
  const { databaseUrl } = loadConfig('migrate');
  const database = connectDatabase(databaseUrl, { max: 1 });
  const print = printer(json === true);
  try {
    if (follow) await followOn(database, filter, limit, print);
    else for await (const events of readNewest(database, filter, limit)) await print(events);
  } catch (error) {
    throw explained(error);
  } finally {
    await database.close();
  }
}

function filterOf({ type, location, job, since }: Omit<EventsOptions, 'limit'>): EventFilter {
  return {
    type: type === undefined ? undefined : typeOf(type),
    locationId: location,
    jobId: job,
    since: since === undefined ? undefined : new Date(since),
  };
}

function typeOf(pattern: string): string {
  const type = wholeType(pattern);
  if (type === undefined) throw new UsageError('--type has its * at the end, or none');
  return type;
}

type Print = (events: readonly LoggedEvent[]) => Promise<void>;

function printer(json: boolean): Print {
  const redact = createRedactor(secretsOf());
  const lineOf = (event: LoggedEvent) => {
    if (json) return redactJson(JSON.stringify(event), redact);
    return redact(
      renderEvent(event, process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY),
    );
  };
  return async (events) => {
    if (events.length > 0) await write(`${events.map(lineOf).join('\n')}\n`);
  };
}

/** Through outages, until it is told to stop. */
async function followOn(database: Database, filter: EventFilter, limit: number, print: Print): Promise<void> {
  const stopping = new AbortController();
  const told = untilSignal().then(() => stopping.abort());
  const follower = createFollower(filter);
  const begin = async () => {
    await database.read((tx) => follower.begin(tx));
    for await (const events of readNewest(database, filter, limit)) {
      follower.skip(events);
      await print(events);
    }
  };
  const look = async () => {
    let more = true;
    while (more && !stopping.signal.aborted) {
      const found = await database.read((tx) => follower.look(tx));
      await print(found.events);
      ({ more } = found);
    }
  };
  const patient = createPatience(stopping.signal);
  const run = async () => {
    await patient(begin);
    while (!stopping.signal.aborted) {
      await pause(LOOK_EVERY_MS, stopping.signal);
      await patient(look);
    }
  };
  // A look under way may wait for a silent Postgres.
  await Promise.race([run(), told]);
}

/** Tries again until it is done or told to stop, and says on the standard error when Postgres went and came back. */
function createPatience(stopping: AbortSignal) {
  return async (work: () => Promise<void>): Promise<void> => {
    let isAway = false;
    while (!stopping.aborted) {
      try {
        await work();
        if (isAway) process.stderr.write('Postgres answers again.\n');
        return;
      } catch (error) {
        if (stopping.aborted) return;
        if (isLasting(error)) throw error;
        if (!isAway) process.stderr.write(`Postgres does not answer (${reasonOf(error)}): trying again …\n`);
        isAway = true;
        await pause(LOOK_EVERY_MS, stopping);
      }
    }
  };
}

function isLasting(error: unknown): boolean {
  return isOurs(error) || LASTING.has(sqlStateOf(error)?.slice(0, 2) ?? '');
}

function isOurs(error: unknown): boolean {
  return error instanceof ConexxusSyncError || isBug(postgresCause(error));
}

function explained(error: unknown): unknown {
  if (isOurs(error)) return error;
  const fix = isNotMigrated(error)
    ? 'run `node dist/cli.js migrate`'
    : 'is it running at DATABASE_URL, and are database, user and password right?';
  return new EventLogError(`The event log cannot be read (${reasonOf(error)}): ${fix}`, { cause: error });
}
