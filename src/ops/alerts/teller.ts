import { randomUUID } from 'node:crypto';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Database } from '../../base/database.ts';
import type { Logger } from '../../base/logger.ts';
import type { Redactor } from '../../base/redaction.ts';
import { type Alone, createAlone } from './alone.ts';
import { createDeathReader, type DeathReader, type Deaths } from './deaths.ts';
import { createHeartbeat } from './heartbeat.ts';
import { advance, type Memory } from './incidents.ts';
import type { Seen } from './look.ts';
import { dueMessages, type Message, markFailed, markTold } from './messages.ts';
import type { AlertOptions } from './options.ts';
import { createOutbound, type Outbound } from './outbound.ts';
import { createPostgresMemory } from './postgres-memory.ts';
import { createRedisMemory } from './redis-memory.ts';
import { createSender } from './sender.ts';
import { createTurn, type Turn } from './turn.ts';
import type { Judged } from './watch.ts';

interface AlertSettings {
  readonly webhookUrl: string | undefined;
  readonly webhookSecret: string | undefined;
  readonly heartbeatUrl: string | undefined;
  readonly backlogAgeMs: number;
}

export interface TellerDeps {
  /** Over a connection that fails fast. */
  readonly redis: Redis;
  /** Over the same connection. */
  readonly queue: Queue;
  /** Of a connection that nobody else waits for. */
  readonly database: Pick<Database, 'read' | 'write'>;
  readonly namespace: string;
  /** How messages call this dashboard. */
  readonly name: string;
  readonly settings: AlertSettings;
  readonly eventRetentionDays: number;
  readonly redact: Redactor;
  readonly logger: Logger;
}

/** Has people told of what a look came to, where it is this dashboard's turn. */
export interface Teller {
  step(seen: Seen, judged: Judged): Promise<void>;
  /** So that another dashboard takes over at once. */
  release(): Promise<void>;
}

interface Parts {
  readonly turn: Turn;
  readonly alone: Alone;
  readonly deaths: DeathReader;
  readonly outbound: Outbound | undefined;
  readonly beat: () => void;
  readonly namespace: string;
  readonly options: AlertOptions;
}

/** Without a webhook and a heartbeat there is nobody to tell. */
export function createTeller(deps: TellerDeps, options: AlertOptions): Teller {
  const { webhookUrl, heartbeatUrl } = deps.settings;
  if (webhookUrl === undefined && heartbeatUrl === undefined) {
    return { step: () => Promise.resolve(), release: () => Promise.resolve() };
  }
  const parts = assemble(deps, options);
  return {
    step: (seen, judged) => step(parts, seen, judged),
    release: () => parts.turn.release(),
  };
}

function assemble(deps: TellerDeps, options: AlertOptions): Parts {
  const { redis, queue, database, namespace, name, settings, logger, redact, eventRetentionDays } = deps;
  const { webhookUrl: url, webhookSecret: secret, heartbeatUrl } = settings;
  const { leaseMs, sendTimeoutMs: timeoutMs, heartbeatEveryMs: everyMs } = options;
  const owner = randomUUID();
  const inPostgres = { database, namespace, owner, leaseMs, retentionDays: eventRetentionDays };
  return {
    turn: createTurn(
      createPostgresMemory(inPostgres),
      createRedisMemory(redis, namespace, leaseMs),
      oncePerReason((reason) => logger.warn({ reason }, 'what is known of alerts could not be read')),
    ),
    alone: createAlone(options, { namespace, name }),
    deaths: createDeathReader({ redis, queue }),
    outbound:
      url === undefined
        ? undefined
        : createOutbound({ sender: createSender({ url, secret, timeoutMs, redact }), options, logger }),
    beat: heartbeatUrl ? createHeartbeat({ url: heartbeatUrl, everyMs, timeoutMs, logger }) : () => undefined,
    namespace,
    options,
  };
}

/** It may stay so for hours. */
function oncePerReason(tell: (reason: string) => void): (reason: string) => void {
  let last: string | undefined;
  return (reason) => {
    if (reason !== last) tell(reason);
    last = reason;
  };
}

async function step(parts: Parts, seen: Seen, judged: Judged): Promise<void> {
  const { turn, alone, outbound, namespace, options, beat } = parts;
  const taken = await turn.take(seen);
  if (taken.kind === 'nowhere') return sendAlone(parts, alone.due(taken, seen.at));
  await sendAlone(parts, alone.dueAfter(seen.at));
  if (taken.kind === 'theirs') return;
  const memory = outbound === undefined ? taken.memory : await tell(parts, taken.memory, judged, outbound);
  const isTold = dueMessages(memory, namespace, Date.now(), options).length === 0;
  const isWell = seen.redis.ok && seen.postgres.ok && judged.holding.every(({ isRipe }) => !isRipe);
  if (isTold && isWell) beat();
}

async function sendAlone({ alone, outbound }: Parts, message: Message | null): Promise<void> {
  if (message === null || outbound === undefined) return;
  if ((await outbound.send(message, 0)) === 'sent') alone.sent(message, Date.now());
}

/** Written down before it is sent, and again after: whoever takes over in between sends it under the same id. */
async function tell(parts: Parts, known: Memory, judged: Judged, outbound: Outbound): Promise<Memory> {
  const { turn, deaths, namespace, options } = parts;
  const since = known.marks.deadUntil;
  const died = await deaths.read(since).catch((): Deaths => ({ groups: [], until: since }));
  const next = advance(known, judged, died, options);
  let memory = next === known ? known : await turn.save(next);
  deaths.told();
  for (const message of dueMessages(memory, namespace, Date.now(), options)) {
    const tries = memory.incidents.find(({ id }) => id === message.incidentId)?.tries ?? 0;
    const outcome = await outbound.send(message, tries);
    if (outcome === 'later') continue;
    memory = await turn.save(
      outcome === 'sent' ? markTold(memory, message, Date.now()) : markFailed(memory, message),
    );
  }
  return memory;
}
