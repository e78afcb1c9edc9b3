import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Database } from '../base/database.ts';
import { errorMessage } from '../base/errors.ts';
import { tell } from '../base/happenings.ts';
import { SchemaMismatchError } from '../base/migrations.ts';
import type { JobAdder } from '../sync/producer/job-adder.ts';
import { type FollowDeps, follow } from './follow.ts';
import { gather } from './gather.ts';
import { type Lease, LostTurnError, type Standing } from './lease.ts';
import { begin, type Memory } from './memory.ts';
import { readPayload } from './payloads.ts';
import { createReporter } from './reporter.ts';
import { createCleaning } from './retention.ts';
import { createSender, sendUnsent } from './send.ts';
import { take } from './take.ts';
import type { Turn } from './turn.ts';

interface RelayOptions {
  /** Transactions in one payload at most. */
  readonly batch: number;
  /** Payloads waiting or active in the queue at most. */
  readonly window: number;
  readonly pollMs: number;
  readonly retentionMs: number;
}

export interface RelayDeps extends Omit<FollowDeps, 'turn' | 'sender'> {
  /** What people call it. */
  readonly name: string;
  /** Of the POS. */
  readonly outbox: Database;
  readonly lease: Lease;
  readonly adder: JobAdder;
  readonly options: RelayOptions;
  /** The tables are not those that this version knows: it can't go on. */
  readonly onSchemaMismatch: (error: Error) => void;
}

export interface Relay {
  start(): void;
  /** Ends the step under way and lets another relay take over. */
  stop(): Promise<void>;
  standing(): RelayStanding;
}

/**
 * `well`: the last step worked, or it is another relay's turn; `held`: so it is, and nothing is sent until a person says
 * so; `waiting`: the last step failed, the next is tried; `ended`: nothing is tried any more, and nobody told it to stop.
 */
export type RelayStanding = 'well' | 'held' | 'waiting' | 'ended';

const STANDBY_MS = 500;
const RETRY_MS = 1_000;
const RENEWAL_MS = 1_000;
const CONNECTION_MS = 2_000;

/** Moves sales from the outbox to the queue and learns their fate, one step after the other. */
export function createRelay(deps: RelayDeps): Relay {
  const { lease } = deps;
  const stopping = new AbortController();
  const stepper = createStepper(deps);
  // A step may take longer than the lease.
  const renewal = setInterval(() => stepper.renew(), RENEWAL_MS);
  let running: Promise<void> | undefined;
  let isWell = true;
  let hasEnded = false;

  async function run(): Promise<void> {
    await untilConnected(deps.redis);
    while (!stopping.signal.aborted) {
      let waitMs = RETRY_MS;
      try {
        waitMs = await stepper.step();
        isWell = true;
      } catch (error) {
        if (error instanceof SchemaMismatchError) return deps.onSchemaMismatch(error);
        stepper.forget();
        const hasLostTurn = error instanceof LostTurnError;
        if (hasLostTurn) waitMs = 0;
        isWell = hasLostTurn;
        tell(hasLostTurn ? 'relay-begins-anew' : 'relay-waits', { error: errorMessage(error) });
      }
      await delay(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
    await lease.release().catch(() => undefined);
  }

  return {
    start() {
      running = run()
        .catch((error: unknown) => tell('relay-ended', { error: errorMessage(error) }))
        .finally(() => {
          hasEnded = true;
        });
    },
    async stop() {
      stopping.abort();
      await running;
      clearInterval(renewal);
    },
    standing() {
      if (hasEnded && !stopping.signal.aborted) return 'ended';
      if (!isWell) return 'waiting';
      return stepper.isHeld() ? 'held' : 'well';
    },
  };
}

/** Or until it is known to be away: a first look that came before the connection would be told as a fault. */
async function untilConnected(redis: Redis): Promise<void> {
  if (redis.status === 'ready') return;
  await once(redis, 'ready', { signal: AbortSignal.timeout(CONNECTION_MS) }).catch(() => undefined);
}

/** What the relay does at each of its turns. */
function createStepper(deps: RelayDeps) {
  const { lease, options } = deps;
  let memory: Memory | undefined;
  let standing: Standing | undefined;
  let workingSince: number | undefined;
  const cleaning = createCleaning(options.retentionMs);

  /** Every change is made under the lock. */
  const turn: Turn = async (work) =>
    deps.outbox.write(async (tx) => {
      standing = await lease.check(tx);
      return work(tx);
    });
  const sender = createSender(deps.adder, (id) => turn((tx) => readPayload(tx, id)));
  const work = { ...deps, turn, sender };
  const reporter = createReporter(deps);

  /** For those who look. Nobody waits for it, and what is wrong with it holds up no sale. */
  function report(known: Memory, more: boolean): void {
    workingSince ??= performance.now();
    const workingMs = Math.round(performance.now() - workingSince);
    reporter.report(known, { workingMs, held: standing?.held ?? null, more }).catch((error: unknown) => {
      tell('outbox-not-counted', { error: errorMessage(error) });
    });
  }

  return {
    /** Resolves to the time until the next one. */
    async step(): Promise<number> {
      if (!(await lease.hold())) {
        memory = undefined;
        workingSince = undefined;
        return STANDBY_MS;
      }
      memory ??= await begin(work);
      const more = await take(memory, work);
      // Held, it only takes what is rung up.
      if (standing?.held === null) {
        await follow(memory.journey, work);
        await sendUnsent(memory.journey, work);
        // While there is more to take, a store that waits for less than a payload waits for the rest of it.
        await gather(memory, work, { onlyFull: more });
        await cleaning.clean(turn);
      }
      report(memory, more);
      return more ? 0 : options.pollMs;
    },
    /** As far as a relay knows that works. */
    isHeld: () => memory !== undefined && typeof standing?.held === 'string',
    renew(): void {
      if (memory !== undefined) lease.hold().catch(() => undefined);
    },
    /** After an error: what was not committed is gone, and what was can be read again. */
    forget(): void {
      memory = undefined;
      cleaning.fromStart();
    },
  };
}
