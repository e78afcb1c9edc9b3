import { type Context, Hono } from 'hono';
import type { Logger } from '../logger.ts';
import type { OpsEnv } from './auth.ts';
import type { CircuitReader } from './circuit-routes.ts';
import { type Deed, type Operator, RETRY_ALL_MAX } from './operator.ts';
import { notFound, problem } from './problem.ts';
import { fromNow } from './time-words.ts';

export interface BoardWritesDeps {
  readonly queueName: string;
  readonly operator: Operator;
  readonly circuit: CircuitReader;
  readonly logger: Logger;
}

type Perform = (actor: string, jobId: string) => Promise<Deed>;

/**
 * Every write that Bull Board's page may do, under its own paths; all others are refused. To be mounted
 * at `/queues/api/queues`, before the board.
 */
export function boardWrites({ queueName, operator, circuit, logger }: BoardWritesDeps): Hono<OpsEnv> {
  const perform = (action: string, deed: Perform) => async (c: Context<OpsEnv>) => {
    const { queue = queueName, jobId = '' } = c.req.param() as { queue?: string; jobId?: string };
    if (queue !== queueName) return notFound(c);
    const actor = c.get('person').name;
    const done = await deed(actor, jobId);
    logger.info({ actor, action, jobId, deed: done.kind }, 'operator write');
    return done.kind === 'circuit-owns-pause' ? circuitOwnsPause(circuit) : answer(c, done);
  };
  const pause = perform('pause', operator.pause);
  const resume = perform('resume', operator.resume);

  const routes = new Hono<OpsEnv>();
  routes.put('/pause', pause);
  routes.put('/resume', resume);
  routes.put('/:queue/pause', pause);
  routes.put('/:queue/resume', resume);
  routes.put('/:queue/retry/failed', perform('retry-all', operator.retryFailed));
  routes.put('/:queue/promote', perform('promote-all', operator.promoteDelayed));
  routes.put('/:queue/:jobId/retry', perform('retry', operator.retry));
  routes.put('/:queue/:jobId/promote', perform('promote', operator.promote));
  return routes;
}

function answer(c: Context, deed: Exclude<Deed, { kind: 'circuit-owns-pause' }>): Response {
  switch (deed.kind) {
    case 'done':
      return c.json({});
    case 'retried':
      return c.json({ retried: deed.retried, skipped: 0 });
    case 'no-such-job':
      return problem({
        status: 404,
        kind: 'no-such-job',
        title: 'No such job',
        detail: 'The queue has no job of this id; it may have been cleaned up since the page was loaded.',
      });
    case 'wrong-state':
      return problem({
        status: 409,
        kind: 'wrong-state',
        title: `The job is ${deed.state}`,
        detail:
          'Only a failed job can be retried, and only a delayed one promoted. A delivered sale is never sent again by a click.',
      });
    default:
      return problem({
        status: 409,
        kind: 'too-many',
        title: `${deed.count} failed jobs are too many for one click`,
        detail: `Up to ${RETRY_ALL_MAX} are retried at once here. Use \`npx conexxus-sync dead-letters\` for more.`,
      });
  }
}

async function circuitOwnsPause(circuit: CircuitReader): Promise<Response> {
  const { state, cause, hold, retryAt } = await circuit.status();
  const now = Date.now();
  const why =
    hold === null
      ? `it is ${state}${cause === null ? '' : `: ${cause}`}`
      : `${hold.actor} holds it: ${hold.reason}`;
  const when =
    retryAt === null || hold !== null ? '' : ` Next trial ${fromNow(Math.max(retryAt, now), now)}.`;
  return problem({
    status: 409,
    kind: 'circuit-owns-pause',
    title: 'The circuit paused this queue',
    detail: `It resumes by itself once the circuit lets calls through again (${why}).${when}`,
  });
}

/** The answer to every other write to the board, with the reason that fits its path. */
export function refuseBoardWrite(c: Context): Response {
  const { path } = c.req;
  const { detail } = REASONS.find(({ pattern }) => pattern.test(path)) ?? {
    detail: 'Only pause, resume, retry and promote are allowed here.',
  };
  return problem({
    status: 403,
    kind: 'board-write-refused',
    title: 'Not allowed on this dashboard',
    detail,
  });
}

const REASONS: readonly { readonly pattern: RegExp; readonly detail: string }[] = [
  {
    pattern: /\/(clean|empty|obliterate|remove|remove-unprocessed-children|purge)(\/[^/]*)?$/,
    detail: 'It would delete jobs, and a job is a sale: nobody deletes one by a click.',
  },
  {
    pattern: /\/(add|update-data)$/,
    detail: 'Sales come from the point of sale alone: a correction is enqueued there, as a new job.',
  },
  {
    pattern: /\/retry\/[^/]*$/,
    detail: 'Only failed jobs can be retried: a completed one is a delivered sale, and is not sent again.',
  },
  {
    pattern: /\/(concurrency|rate-limit|release|delay|priority)$/,
    detail: 'Pace and order follow the circuit and the configuration, not the board.',
  },
];
