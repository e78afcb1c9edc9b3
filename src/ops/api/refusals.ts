import type { Problem } from '../../base/problem.ts';
import { refusalOf } from '../../base/redis-writes.ts';
import { IllegalMoveError } from '../../circuit/circuit.ts';
import { AmbiguousSaleError } from '../../outbox/meant.ts';
import { ResendRefusedError } from '../../sync/dead-letters/resend.ts';
import { RepairRefusedError } from '../../sync/dead-letters/to-repair.ts';
import type { Problem as FieldProblem } from '../../sync/jobs/problems.ts';
import { InvalidPayloadError } from '../../sync/producer/producer-errors.ts';
import { PostgresAwayError } from '../acting.ts';

/** A request that cannot be done as it was asked; nothing was changed. */
export class RequestRefusal extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.title);
    this.problem = problem;
  }
}

export function notValid(problems: readonly FieldProblem[]): RequestRefusal {
  const [first] = problems;
  const where = first === undefined || first.path === '' ? '' : `${first.path} `;
  const more = problems.length > 1 ? `; and ${problems.length - 1} more: see problems` : '';
  return new RequestRefusal({
    status: 422,
    kind: 'invalid-request',
    title: 'The request is not valid',
    detail: `${where}${first?.message ?? 'is not valid'}${more}`,
    extra: { problems },
  });
}

/** Of a payload that is a member of the request. */
export function badPayload(problems: readonly FieldProblem[]): RequestRefusal {
  return notValid(
    problems.map(({ path, message }) => ({ path: path ? `payload.${path}` : 'payload', message })),
  );
}

export function wrongType(wanted: string): RequestRefusal {
  return new RequestRefusal({
    status: 415,
    kind: 'unsupported-media-type',
    title: 'Unsupported media type',
    detail: `Send it with \`Content-Type: ${wanted}\`.`,
  });
}

export function notJson(): RequestRefusal {
  return new RequestRefusal({
    status: 400,
    kind: 'not-json',
    title: 'Not JSON',
    detail: 'The body must be a JSON object, like {"reason": "they say it is back"}.',
  });
}

/** What an act that threw means to who asked for it; undefined: a fault of ours, or Redis is away. */
export function refusalOfAct(thrown: unknown): Problem | undefined {
  if (thrown instanceof RequestRefusal) return thrown.problem;
  if (thrown instanceof PostgresAwayError) return postgresAway(thrown);
  if (thrown instanceof IllegalMoveError)
    return conflict('illegal-circuit-move', 'Not in this state', thrown);
  if (thrown instanceof ResendRefusedError) return conflict('resend-refused', 'Not sent again', thrown);
  if (thrown instanceof RepairRefusedError) return notRepaired(thrown);
  if (thrown instanceof InvalidPayloadError) return badPayload(thrown.problems).problem;
  if (thrown instanceof AmbiguousSaleError) return conflict('ambiguous-sale', 'More than one sale', thrown);
  const why = thrown instanceof Error && thrown.name === 'ReplyError' ? refusalOf(thrown) : undefined;
  if (why === undefined) return undefined;
  return {
    status: 503,
    kind: 'refused',
    title: 'Redis refused it',
    detail: `${why}. What was done until then is in the event log.`,
  };
}

function conflict(kind: string, title: string, { message }: Error): Problem {
  return { status: 409, kind, title, detail: message };
}

function notRepaired(thrown: RepairRefusedError): Problem {
  const { isInDoubt } = thrown;
  return {
    ...conflict('repair-refused', 'Not repaired', thrown),
    ...(isInDoubt && { extra: { inDoubt: true } }),
  };
}

const FIXES = {
  'event log': {
    away: 'Postgres does not answer at DATABASE_URL. Ask again: outcomes wait in Redis meanwhile.',
    'not-migrated': 'Its tables are not there, or of another version: run `node dist/cli.js migrate`.',
    forbidden: 'The user of DATABASE_URL may not read it: grant it to this user.',
  },
  outbox: {
    away: 'Postgres takes no writes or does not answer at OUTBOX_DATABASE_URL (else DATABASE_URL).',
    'not-migrated':
      'The database of the POS (OUTBOX_DATABASE_URL, else DATABASE_URL) has no outbox of this version: a store that uses none needs none; else run `node dist/cli.js migrate --outbox`.',
    forbidden: 'The user of OUTBOX_DATABASE_URL has not the rights of a relay: grant them to this user.',
  },
} as const;

function postgresAway({ part, why }: PostgresAwayError): Problem {
  if (part === 'outbox' && why === 'not-migrated') {
    return { status: 404, kind: 'no-outbox', title: 'There is no outbox', detail: FIXES[part][why] };
  }
  return {
    status: 503,
    kind: part === 'outbox' ? 'outbox-away' : 'event-log-away',
    title: `The ${part} cannot be used now`,
    detail: FIXES[part][why],
    headers: { 'retry-after': '5' },
  };
}
