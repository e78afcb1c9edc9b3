import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { ConexxusSyncError } from '../../src/base/errors.ts';
import { eventStreamKey } from '../../src/events/event.ts';
import type { Stage } from './stage.ts';

/** What can be seen of the installation at one moment. */
export interface Picture {
  /** With those that wait for their next try. */
  readonly waiting: number;
  readonly active: number;
  readonly delivered: number;
  readonly dead: number;
  /** Calls that the whole fleet may make at a time; null: only the workers' own limits. */
  readonly concurrency: number | null;
  /** Rows on their way to Postgres. */
  readonly eventBacklog: number;
  readonly circuit: z.infer<typeof circuitAnswer>;
  /** All so far, the oldest first. */
  readonly transitions: readonly Transition[];
}

/** As the event log has it. Times are ms since 1970 of Redis's clock. */
export interface Transition {
  readonly to: string;
  readonly at: number;
  readonly retryAt: number | null;
}

export interface Watch {
  latest(): Picture;
  /** What `find` sees in a picture from now on, once it is more than undefined. Rejects when the demo ends. */
  until<Found>(whatFor: string, find: (picture: Picture) => Found | undefined): Promise<Found>;
  /** The first into this state after the moment `since`, once it is in the event log. */
  transition(to: string, since: number): Promise<Transition>;
  pause(ms: number): Promise<void>;
  /** Resolves when it does not look any more. */
  stop(): Promise<void>;
}

/** What the story waited for did not come. */
class DemoStuckError extends ConexxusSyncError {
  readonly code = 'DEMO_STUCK';
}

const LOOK_MS = 100;
const PATIENCE_MS = 30_000;

/** Of the dashboard's `GET /api/circuit`. */
const circuitAnswer = z.object({
  state: z.enum(['closed', 'open', 'half-open']),
  retryAt: z.number().nullable(),
  pausedBy: z.array(z.string()),
});

/** Looks again and again and shows every picture. Waits end when `signal` aborts. `onError` hears why it can't look any more. */
export async function startWatch(
  stage: Stage,
  signal: AbortSignal,
  onError: (error: unknown) => void,
  show: (picture: Picture) => void,
): Promise<Watch> {
  let latest = await look(stage);
  const stopping = new AbortController();

  async function keepLooking(): Promise<void> {
    while (!stopping.signal.aborted) {
      latest = await look(stage);
      show(latest);
      await delay(LOOK_MS);
    }
  }
  const looking = keepLooking().catch(onError);

  async function pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal }).catch(() => undefined);
    signal.throwIfAborted();
  }

  async function until<Found>(
    whatFor: string,
    find: (picture: Picture) => Found | undefined,
  ): Promise<Found> {
    const deadline = Date.now() + PATIENCE_MS;
    const old = latest;
    for (;;) {
      const found = latest === old ? undefined : find(latest);
      if (found !== undefined) return found;
      if (Date.now() > deadline) throw stuck(whatFor, latest);
      await pause(LOOK_MS / 4);
    }
  }

  return {
    latest: () => latest,
    until,
    pause,
    stop: () => {
      stopping.abort();
      return looking;
    },
    transition: (to, since) =>
      until(`for the circuit to become ${to}`, ({ transitions }) =>
        transitions.find((one) => one.to === to && one.at > since),
      ),
  };
}

function stuck(whatFor: string, picture: Picture): DemoStuckError {
  return new DemoStuckError(
    `Waited ${PATIENCE_MS / 1_000} s ${whatFor}, in vain. ${JSON.stringify(picture, null, 1)}`,
  );
}

async function look({ namespace, queue, redis, database, dashboardUrl }: Stage): Promise<Picture> {
  const [counts, concurrency, eventBacklog, circuit, transitions] = await Promise.all([
    queue.getJobCounts('waiting', 'prioritized', 'delayed', 'active', 'completed', 'failed'),
    queue.getGlobalConcurrency(),
    redis.xlen(eventStreamKey(namespace)),
    readCircuit(dashboardUrl),
    database.sql<Transition[]>`
      select payload->>'to' as "to", (payload->>'retryAt')::float8 as "retryAt",
        (extract(epoch from "timestamp") * 1000)::float8 as at
      from event_log where event_type like 'conexxus.circuit.%' order by "timestamp"`,
  ]);
  const { waiting = 0, prioritized = 0, delayed = 0, active = 0, completed = 0, failed = 0 } = counts;
  return {
    waiting: waiting + prioritized + delayed,
    active,
    delivered: completed,
    dead: failed,
    concurrency,
    eventBacklog,
    circuit,
    transitions,
  };
}

async function readCircuit(dashboardUrl: string): Promise<Picture['circuit']> {
  const answer = await fetch(`${dashboardUrl}/api/circuit`);
  return circuitAnswer.parse(await answer.json());
}
