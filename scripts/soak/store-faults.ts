import type { PrivateServer } from '../services/service.ts';
import { last } from './dice.ts';
import type { Fault, Scene } from './faults.ts';

/** Until what was under way when Redis came back has come to its end. */
const AFTERMATH_MS = 4_000;

function redisAway(name: string, mode: 'fast' | 'immediate'): Fault {
  return {
    name: `Redis: ${name}`,
    target: 'redis',
    strike: ({ site: { redisServer }, dice, unrest }, ending) =>
      unrest.during(async () => {
        await away(redisServer, mode, 1_000 * dice.between(1, 6), ending);
        await last(AFTERMATH_MS, ending);
      }),
  };
}

async function away(server: PrivateServer, mode: 'fast' | 'immediate', ms: number, ending: AbortSignal) {
  await server.halt(mode);
  await last(ms, ending);
  await server.start();
}

export const REDIS_FAULTS: readonly Fault[] = [
  redisAway('stopped and started', 'fast'),
  redisAway('killed and started', 'immediate'),
  {
    name: 'Redis: frozen',
    target: 'redis',
    strike: ({ site: { redisServer }, dice, unrest }, ending) =>
      unrest.during(async () => {
        const { pid } = redisServer;
        if (pid === undefined) return;
        process.kill(pid, 'SIGSTOP');
        await last(1_000 * dice.between(2, 5), ending);
        process.kill(pid, 'SIGCONT');
        await last(AFTERMATH_MS, ending);
      }),
  },
  {
    name: 'Redis: connections killed',
    target: 'redis',
    strike: async ({ site: { redis }, dice }, ending) => {
      for (let times = dice.between(1, 6); times > 0 && !ending.aborted; times -= 1) {
        for (const type of ['normal', 'pubsub']) {
          await redis.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
        }
        await last(dice.between(100, 800), ending);
      }
    },
  },
];

async function terminateBackends({ site: { database } }: Scene): Promise<void> {
  await database.sql`select pg_terminate_backend(pid) from pg_stat_activity
    where pid <> pg_backend_pid() and backend_type = 'client backend'`;
}

export function postgresFaults(server: PrivateServer | undefined): readonly Fault[] {
  if (!server) return [];
  return [
    {
      name: 'Postgres: crashed and started',
      target: 'postgres',
      strike: ({ dice }, ending) => away(server, 'immediate', 1_000 * dice.between(1, 8), ending),
    },
    {
      name: 'Postgres: backends terminated',
      target: 'postgres',
      strike: async (scene, ending) => {
        for (let times = scene.dice.between(1, 5); times > 0 && !ending.aborted; times -= 1) {
          await terminateBackends(scene);
          await last(scene.dice.between(100, 800), ending);
        }
      },
    },
    {
      name: 'Postgres: event log locked',
      target: 'postgres',
      strike: async ({ site: { database }, dice }, ending) => {
        await database.sql.begin(async (sql) => {
          await sql`lock table event_log in access exclusive mode`;
          await last(1_000 * dice.between(2, 5), ending);
        });
      },
    },
  ];
}
