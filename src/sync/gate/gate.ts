import { EventEmitter } from 'node:events';
import type { Redis } from 'ioredis';
import { errorMessage } from '../../base/errors.ts';
import { tell } from '../../base/happenings.ts';
import type { Circuit } from '../../circuit/circuit.ts';
import { circuitKeys } from '../../circuit/keys.ts';
import type { ConexxusClient } from '../../conexxus/client.ts';
import { eventStreamKey } from '../../events/event.ts';
import type { WorkerSelf } from '../worker-self.ts';
import {
  createGateScript,
  type GateOptions,
  type GatePicture,
  type PauseReason,
  type Standing,
} from './gate-script.ts';
import { createHealthCalls } from './health-call.ts';
import { createHeartbeat } from './heartbeat.ts';
import { nextMove } from './next-move.ts';
import { createSight } from './sight.ts';
import { createStanding } from './standing.ts';
import { createWarnings } from './warnings.ts';

/** Keeps the queue as the circuit wants it. Every worker process runs one; none is special. */
export interface Gate {
  /** Brings the queue in line with the circuit now; why it is paused, if it is. */
  follow(): Promise<readonly PauseReason[]>;
  /** Resolves when the circuit moves, after `waitMs`, or when `signal` aborts. */
  nextMove(waitMs: number, signal: AbortSignal): Promise<void>;
  /** Now, and whenever it changes: whether this worker may work. Told before `follow` resolves. */
  onStanding(listener: (standing: Standing) => void): void;
  standing(): Standing;
  start(): Promise<void>;
  stop(): Promise<void>;
}

interface GateDeps {
  readonly redis: Redis;
  /** A connection of its own: a subscribed one can do nothing else. */
  readonly subscriber: Redis;
  readonly namespace: string;
  readonly circuit: Circuit;
  readonly client: Pick<ConexxusClient, 'health'>;
  readonly options: GateOptions;
  /** The worker whose gate it is. */
  readonly self: WorkerSelf;
}

/** A process that dies between a transition and the pause is made good by another within this time. */
const CHECK_MS = 1_000;

export function createGate(deps: GateDeps): Gate {
  const { redis, subscriber, namespace, options, self } = deps;
  const script = createGateScript(redis, namespace, options, self);
  const moves = new EventEmitter().setMaxListeners(0);
  const warn = createWarnings(redis, namespace);
  const seen = createSight();
  const standing = createStanding();
  const stopping = new AbortController();
  const heartbeat = createHeartbeat(check);
  const healthCalls = createHealthCalls(deps, failed, stopping.signal);

  async function follow(): Promise<GatePicture> {
    const picture = await script('follow');
    warn(picture);
    standing.set(picture.standing);
    seen(picture);
    return picture;
  }

  async function check(): Promise<number> {
    try {
      const picture = await follow();
      healthCalls.makeDue(picture);
      return Math.min(CHECK_MS, picture.dueMs);
    } catch (error) {
      failed(error);
      return CHECK_MS;
    }
  }

  return {
    follow: async () => (await follow()).reasons,
    nextMove: (waitMs, signal) => nextMove(moves, waitMs, signal),
    onStanding: (listener) => standing.onChange(listener),
    standing: () => standing.now(),
    async start() {
      subscriber.on('message', () => {
        moves.emit('move');
        heartbeat.beat();
      });
      // After a reconnect messages were missed.
      subscriber.on('ready', () => heartbeat.beat());
      await subscriber.subscribe(circuitKeys(namespace, eventStreamKey(namespace)).channel);
      heartbeat.beat();
    },
    async stop() {
      stopping.abort();
      await heartbeat.stop();
      await healthCalls.ended();
      // Its last word; without it the others take it for alive for some seconds more.
      await script('leave').catch(() => undefined);
    },
  };
}

function failed(error: unknown): void {
  tell('gate-failed', { error: errorMessage(error) });
}
