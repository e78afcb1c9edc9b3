import { type Happening, hear } from '../base/happenings.ts';

/** Whether the consumer of this process goes on. */
export interface ConsumerWatch {
  /** Why it takes no more jobs until the process is started again; null: it does. */
  stuck(): string | null;
  stop(): void;
}

interface ConsumerWatchOptions {
  /** Longer than any single step of a job may take. */
  readonly limitMs: number;
  /** False: it is not to take jobs, as it is benched, drains or has not begun. */
  readonly isAtWork: () => boolean;
  /** Ms, of any origin; default: the process's own. */
  readonly now?: () => number;
}

/** A consumer at work gives one of these every few seconds, whether it has jobs or not, and also while they wait. */
const SIGNS_OF_LIFE = [
  'jobs-asked-for',
  'job-ended',
  'job-waits',
  'items-stored',
  'redis-refused',
] as const satisfies readonly Happening[];

/** The gate asks Redis once a second; what lies between two answers further apart says nothing of the consumer. */
const ANSWER_GAP_MAX_MS = 3_000;

/** A second time with a new key, or on a fresh connection; and what Redis and Postgres may take on top of it. */
export function consumerLimitMs(callTimeoutMs: number): number {
  return 2 * callTimeoutMs + 60_000;
}

/**
 * Hears what happens from now on. It counts only the time in which Redis answered the gate, so that no outage and
 * no pause of the machine, however long, looks like a consumer that is stuck.
 */
export function watchConsumer(options: ConsumerWatchOptions): ConsumerWatch {
  const { limitMs, isAtWork, now = () => performance.now() } = options;
  let hasEnded = false;
  let silentMs = 0;
  let answeredAt = Number.NEGATIVE_INFINITY;

  function redisAnswered(): void {
    const at = now();
    const gapMs = at - answeredAt;
    answeredAt = at;
    if (!isAtWork()) silentMs = 0;
    else if (gapMs <= ANSWER_GAP_MAX_MS) silentMs += gapMs;
  }

  const ends = [
    hear('gate-followed', redisAnswered),
    hear('consumer-ended', () => {
      hasEnded = true;
    }),
    ...SIGNS_OF_LIFE.map((sign) =>
      hear(sign, () => {
        silentMs = 0;
      }),
    ),
  ];

  return {
    stuck() {
      if (!isAtWork()) return null;
      if (hasEnded) return 'the consumer has ended by itself';
      if (silentMs <= limitMs) return null;
      return `the consumer asked for no job and ended none in ${Math.round(silentMs / 1_000)} s, though Redis answers`;
    },
    stop() {
      for (const end of ends) end();
    },
  };
}
