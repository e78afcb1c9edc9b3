import { connectRedis } from '../../src/base/redis.ts';
import { migrateDatabase } from '../../src/events/migrate.ts';
import { openEventStream } from '../../src/events/stream.ts';
import { createTransfer } from '../../src/events/transfer.ts';
import { type FollowDeps, follow } from '../../src/outbox/follow.ts';
import { gather } from '../../src/outbox/gather.ts';
import { createLease } from '../../src/outbox/lease.ts';
import { begin, type Memory } from '../../src/outbox/memory.ts';
import { readPayload } from '../../src/outbox/payloads.ts';
import { createSender, sendUnsent } from '../../src/outbox/send.ts';
import { take } from '../../src/outbox/take.ts';
import type { Turn } from '../../src/outbox/turn.ts';
import { createDeadLetters } from '../../src/sync/dead-letters/dead-letters.ts';
import { createRepairs } from '../../src/sync/dead-letters/repair.ts';
import { createSplitOut } from '../../src/sync/dead-letters/split.ts';
import { createJobAdder, type JobAdder } from '../../src/sync/producer/job-adder.ts';
import { openQueueConnection } from '../../src/sync/producer/queue-connection.ts';
import { openQueue } from '../../src/sync/queue.ts';
import { outboxBench } from '../support/outbox.ts';
import { testRedisUrl, uniqueNamespace } from '../support/redis.ts';

export type RelayBench = Awaited<ReturnType<typeof relayBench>>;

const redact = (text: string) => text;
const DAY_MS = 86_400_000;

/** The outbox and the event log in one database of the test's own, and a queue of its own. */
export async function relayBench() {
  const outbox = await outboxBench();
  await migrateDatabase(outbox.database);
  const namespace = uniqueNamespace();
  const connection = openQueueConnection(testRedisUrl(), () => undefined);
  const adder = createJobAdder(connection, namespace);
  const redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
  const queue = openQueue(redis, namespace);
  const { database } = outbox;
  const stream = openEventStream({ redis, blocking: redis, namespace, consumer: 'writer' });
  const transfer = createTransfer({ stream, database, batchSize: 100, claimIdleMs: DAY_MS });
  return {
    ...outbox,
    sql: database.sql,
    namespace,
    redis,
    queue,
    adder,
    splitOut: createSplitOut({ redis, queue, namespace }),
    letters: createDeadLetters({ redis, queue, namespace, redact }),
    repairs: createRepairs({ redis, queue, namespace, redact }),
    /** What the outcome stream holds comes into the event log. */
    async writeEvents() {
      while ((await transfer()) > 0);
    },
    /** Redis forgets everything. */
    async wipe() {
      const keys = await redis.keys(`{${namespace}}*`);
      if (keys.length > 0) await redis.del(keys);
    },
    async empty() {
      const keys = await redis.keys(`{${namespace}}*`);
      if (keys.length > 0) await redis.del(keys);
      await database.sql.unsafe(
        'truncate conexxus.outbox, conexxus.sale, conexxus.payload, event_log; update conexxus.relay set owner = null, held = null, acts = 0',
      );
    },
    async close() {
      await adder.close();
      redis.disconnect();
      await outbox.close();
    },
  };
}

/** Called with each effect that a relay has on Postgres or Redis: it may never happen, or nobody hear of it. */
type Around = <Result>(effect: () => Promise<Result>) => Promise<Result>;

interface Options {
  readonly batch?: number;
  readonly window?: number;
  readonly around?: Around;
}

/** One relay, which does a step when it is told to; src/outbox/relay.ts does them one after the other. */
export function relayOn(
  bench: RelayBench,
  { batch = 4, window = 4, around = (effect) => effect() }: Options = {},
) {
  const { redis, queue, namespace, database } = bench;
  const lease = createLease(redis, namespace);
  const turn: Turn = (work) =>
    around(() =>
      database.write(async (tx) => {
        await lease.check(tx);
        return work(tx);
      }),
    );
  const adder: JobAdder = { ...bench.adder, add: (entries) => around(() => bench.adder.add(entries)) };
  const sender = createSender(adder, (id) => turn((tx) => readPayload(tx, id)));
  const deps: FollowDeps & { adder: JobAdder } = {
    redis,
    queue,
    namespace,
    log: database,
    turn,
    sender,
    adder,
    splitOut: (splitting) => around(() => bench.splitOut(splitting)),
    deliveredRetentionMs: 30 * DAY_MS,
    redact,
  };
  let memory: Memory | undefined;
  return {
    lease,
    turn,
    deps,
    memory: async () => (memory ??= await begin({ outbox: database, lease, log: database })),
    /** What a relay that begins anew does not know. */
    forget() {
      memory = undefined;
    },
    async step(): Promise<boolean> {
      memory ??= await begin({ outbox: database, lease, log: database });
      const more = await take(memory, deps);
      // However long it was to wait.
      for (const one of memory.journey.all()) one.lookAt = 0;
      await follow(memory.journey, deps);
      await sendUnsent(memory.journey, deps);
      await gather(memory, { turn, sender, options: { batch, window } }, { onlyFull: more });
      return more;
    },
  };
}
