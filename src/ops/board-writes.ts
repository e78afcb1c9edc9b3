import { type Context, Hono } from 'hono';
import type { Logger } from '../base/logger.ts';
import { pauseWords } from '../sync/report/circuit-words.ts';
import type { OpsEnv } from './auth.ts';
import type { FleetReader } from './fleet-reader.ts';
import { type Deed, type Operator, RETRY_ALL_MAX } from './operator.ts';
import { notFound, problem } from './problem.ts';

export interface BoardWritesDeps {
  readonly queueName: string;
  readonly operator: Operator;
  readonly fleet: FleetReader;
  readonly logger: Logger;
}

type Perform = (actor: string, jobId: string) => Promise<Deed>;

/**
 * Every write that Bull Board's page may do, under its own paths; all others are refused. To be mounted
 * at `/queues/api/queues`, before the board.
 */
export function boardWrites({ queueName, operator, fleet, logger }: BoardWritesDeps): Hono<OpsEnv> {
  const perform = (action: string, deed: Perform) => async (c: Context<OpsEnv>) => {
    const { queue = queueName, jobId = '' } = c.req.param() as { queue?: string; jobId?: string };
    if (queue !== queueName) return notFound(c);
    const actor = c.get('person').name;
    const done = await deed(actor, jobId);
    logger.info({ actor, action, deed: done.kind, ...(jobId && { jobId }) }, 'operator write');
    return done.kind === 'circuit-owns-pause' ? circuitOwnsPause(fleet) : answer(c, done);
  };
  const pauseQueue = perform('pause', operator.pause);
  const resumeQueue = perform('resume', operator.resume);

  const routes = new Hono<OpsEnv>();
  routes.put('/pause', pauseQueue);
  routes.put('/resume', resumeQueue);
  routes.put('/:queue/pause', pauseQueue);
  routes.put('/:queue/resume', resumeQueue);
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
    case 'refused':
      return problem({
        status: 503,
        kind: 'refused',
        title: 'Redis refused it',
        detail: `Nothing was changed. ${deed.why}.`,
      });
    default:
      return problem({
        status: 409,
        kind: 'too-many',
        title: `${deed.count} failed jobs are too many for one click`,
        detail: `Up to ${RETRY_ALL_MAX} are retried at once here. Use \`node dist/cli.js dead-letters\` for more.`,
      });
  }
}

async function circuitOwnsPause(fleet: FleetReader): Promise<Response> {
  const { report, now } = await fleet.look();
  const why = report.pausedBy.map((reason) => pauseWords(reason, report, now)).join('; ');
  return problem({
    status: 409,
    kind: 'circuit-owns-pause',
    title: 'The circuit paused this queue',
    detail: `It resumes by itself, and only by itself. Now: ${why || 'it is about to resume'}.`,
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
