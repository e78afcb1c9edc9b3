import type { Redis } from 'ioredis';
import type { Database } from '../base/database.ts';
import type { EventWriter } from '../events/log.ts';
import type { Spool } from '../events/spool.ts';
import type { Gate } from '../sync/gate/gate.ts';
import type { WorkerSelf } from '../sync/worker-self.ts';
import { backlogCheck, degraded, failed, OK, postgresCheck, redisCheck } from './checks.ts';
import type { Check, Checks, Finding } from './readiness.ts';

interface WorkerHealthDeps {
  readonly enabled: boolean;
  readonly namespace: string;
  readonly redis: Redis;
  readonly database: Pick<Database, 'write'>;
  readonly spool: Pick<Spool, 'backlog'>;
  readonly eventBacklogMax: number;
  readonly self: WorkerSelf;
  readonly parts: WorkerParts;
}

/** What a worker has only once Redis was there. */
export interface WorkerParts {
  writer?: Pick<EventWriter, 'health'>;
  gate?: Pick<Gate, 'standing'>;
}

export function workerChecks(deps: WorkerHealthDeps): Checks {
  const { redis, namespace, spool, eventBacklogMax: max } = deps;
  return {
    redis: redisCheck(redis, namespace),
    postgres: eventLogCheck(deps),
    events: backlogCheck(redis, spool, { max, needed: true }),
    worker: { needed: true, look: () => Promise.resolve(findingOf(deps)) },
  };
}

/** Without Postgres, outcomes wait in Redis. It may answer and yet take no rows: a full disk, a table that is locked. */
function eventLogCheck({ database, parts }: WorkerHealthDeps): Check {
  const answers = postgresCheck(database, { needed: false });
  return {
    needed: false,
    async look() {
      const finding = await answers.look();
      const isWriting = (parts.writer?.health().error ?? null) === null;
      return isWriting ? finding : failed('the event log cannot write its rows; its log says why');
    },
  };
}

function findingOf({ enabled, self, parts: { gate } }: WorkerHealthDeps): Finding {
  if (!enabled) return degraded('disabled by CONEXXUS_ENABLED=false: it takes no jobs');
  if (gate === undefined) return failed('it has not begun yet');
  if (!self.takesJobs) return failed('it was told to stop, and takes no more jobs');
  switch (gate.standing().kind) {
    case 'full':
      return OK;
    case 'probation':
      return degraded('back from the bench: one job at a time until it has delivered');
    case 'benched':
      return failed('benched: its own calls fail while those of other workers are delivered');
  }
}
