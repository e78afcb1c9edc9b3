import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Database } from '../base/database.ts';
import { ConexxusSyncError } from '../base/errors.ts';
import { isForbidden, isNotMigrated, postgresCodeOf } from '../base/postgres-errors.ts';
import type { Redactor } from '../base/redaction.ts';
import { type EventFilter, type EventPage, type Place, readOlder } from '../events/browse.ts';
import { createOutboxActs, type OutboxActs, readHeld, rehearse } from '../outbox/acts.ts';
import type { Act, SaleFilter } from '../outbox/meant.ts';
import type { Outcome } from '../outbox/tally.ts';
import { createDeadLetters, type DeadLetters } from '../sync/dead-letters/dead-letters.ts';
import { createRepairs, type Repairs } from '../sync/dead-letters/repair.ts';
import {
  type Resend,
  type Resent,
  rehearseResend,
  resend,
  type ToResend,
} from '../sync/dead-letters/resend.ts';
import { type Backlog, readBacklog } from '../sync/report/backlog.ts';
import type { Fleet } from '../sync/report/fleet.ts';

/** What people look at and do here, by the same code as on the command line. */
export interface Acting {
  readonly operate: Fleet['operate'];
  readonly deadLetters: DeadLetters;
  readonly resending: {
    rehearse(asked: Pick<Resend, 'id' | 'payload'>): Promise<ToResend>;
    resend(asked: Resend): Promise<Resent>;
  };
  readonly repairs: Repairs;
  /** All reject with PostgresAwayError where the database of the POS is away, or has no outbox. */
  readonly outbox: OutboxActs & {
    rehearse(act: Act, filter: SaleFilter): Promise<Outcome>;
    /** Why the relays wait for a person; null: they do not. */
    held(): Promise<string | null>;
  };
  /** What waits in the queue. */
  readonly backlog: () => Promise<Backlog>;
  /** @throws PostgresAwayError, and the error of a place that is none */
  readonly readEvents: (filter: EventFilter, limit: number, from?: Place) => Promise<EventPage>;
}

export interface ActingDeps {
  readonly redis: Redis;
  /** Over the same connection. */
  readonly queue: Queue;
  readonly namespace: string;
  readonly redact: Redactor;
  readonly fleet: Pick<Fleet, 'operate'>;
  /** With the event log. */
  readonly database: Pick<Database, 'read'>;
  /** Of the POS. */
  readonly outboxDatabase: Database;
}

type Part = 'event log' | 'outbox';

/** What is asked for is in a Postgres that cannot be used now. */
export class PostgresAwayError extends ConexxusSyncError {
  readonly code = 'POSTGRES_AWAY';
  readonly part: Part;
  readonly why: 'away' | 'not-migrated' | 'forbidden';

  constructor(part: Part, cause: unknown) {
    super(`the ${part} cannot be used`, { cause });
    this.part = part;
    this.why = isNotMigrated(cause) ? 'not-migrated' : isForbidden(cause) ? 'forbidden' : 'away';
  }
}

export function createActing({ fleet, database, outboxDatabase, ...deps }: ActingDeps): Acting {
  const acts = createOutboxActs({ ...deps, database: outboxDatabase });
  const atOutbox = <Result>(work: Promise<Result>) => of('outbox', work);
  return {
    operate: fleet.operate,
    deadLetters: createDeadLetters(deps),
    repairs: createRepairs({ ...deps, log: database }),
    resending: {
      rehearse: (asked) => rehearseResend(deps, asked),
      resend: (asked) => resend(deps, asked),
    },
    outbox: {
      rehearse: (act, filter) => atOutbox(rehearse(outboxDatabase, act, filter)),
      held: () => atOutbox(outboxDatabase.read(readHeld)),
      release: (filter, word) => atOutbox(acts.release(filter, word)),
      discard: (filter, word) => atOutbox(acts.discard(filter, word)),
      releaseRelays: (word) => atOutbox(acts.releaseRelays(word)),
    },
    backlog: () => readBacklog(deps.redis, deps.namespace),
    readEvents: (filter, limit, from) =>
      of(
        'event log',
        database.read((tx) => readOlder(tx, filter, limit, from)),
      ),
  };
}

/** What has no code is of Redis, or a bug; what speaks of the data (class 22), of what was asked. */
const isOfAsked = (code: string) => code.startsWith('22');
const READ_ONLY = 'READ_ONLY_DATABASE';

async function of<Result>(part: Part, work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    const code = postgresCodeOf(error);
    const isOurs = error instanceof ConexxusSyncError && code !== READ_ONLY;
    throw isOurs || code === undefined || isOfAsked(code) ? error : new PostgresAwayError(part, error);
  }
}
