import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import postgres from 'postgres';
import { startEmbeddedPostgres } from '../../scripts/services/pglite.ts';
import { findPostgres } from '../../scripts/services/postgres.ts';
import { redisAnswers } from '../../scripts/services/redis.ts';
import { startPrivatePostgres, startPrivateRedis, startRedis } from '../../scripts/services.ts';
import { testRedisUrl } from '../support/redis.ts';

const describeWithPostgres = (await findPostgres(process.env['PATH'])) ? describe : describe.skip;
// The embedded Postgres is compiled at each start: seconds of processor time.
jest.setTimeout(60_000);
const REFUSED = { code: 'ECONNREFUSED' };

describe('a private Redis', () => {
  it('keeps its data over a stop in good order and over a crash, at the same port', async () => {
    const server = await startPrivateRedis();
    try {
      for (const mode of ['fast', 'immediate'] as const) {
        await withRedis(server.url, (redis) => redis.incr('sales'));
        await server.halt(mode);
        expect(server.pid).toBeUndefined();
        await server.start();
      }
      expect(await withRedis(server.url, (redis) => redis.get('sales'))).toBe('2');
    } finally {
      await server.stop();
    }
  });

  it('never evicts, listens on loopback alone, and takes further settings', async () => {
    const server = await startPrivateRedis({ args: ['--maxmemory', '50mb'] });
    try {
      const settings = await withRedis(server.url, (redis) => redis.config('GET', 'maxmemory*', 'bind'));
      expect(settings).toEqual(expect.arrayContaining(['noeviction', '52428800', '127.0.0.1']));
    } finally {
      await server.stop();
    }
  });

  it('is gone after stop, and its folder with it', async () => {
    const server = await startPrivateRedis();
    const folder = await dataFolder(server.url);
    expect(existsSync(folder)).toBe(true);
    await server.stop();
    expect(existsSync(folder)).toBe(false);
    await expect(redisAnswers(server.url)).rejects.toMatchObject(REFUSED);
  });

  it('ends, and its folder with it, when the process that started it is killed', async () => {
    const owner = startOwner();
    const [line]: unknown[] = await once(owner.stdout, 'data');
    const url = String(line).trim();
    const folder = await dataFolder(url);
    owner.kill('SIGKILL');
    await until(() => !existsSync(folder));
    await expect(redisAnswers(url)).rejects.toMatchObject(REFUSED);
  });

  it('tells when it ends though nobody stopped it, and only then', async () => {
    const told: Error[] = [];
    const server = await startPrivateRedis({ onEnded: (error) => told.push(error) });
    try {
      await server.halt('immediate');
      await server.start();
      expect(told).toEqual([]);
      process.kill(server.pid ?? 0, 'SIGKILL');
      await until(() => told.length > 0);
      expect(told).toMatchObject([
        { code: 'SERVICE_ENDED', message: expect.stringMatching(/^Redis ended with SIGKILL:\n[^]*Ready to/) },
      ]);
    } finally {
      await server.stop();
    }
    expect(told).toHaveLength(1);
  });

  it('says with its own words why it did not start', async () => {
    await expect(startPrivateRedis({ args: ['--maxmemory-policy', 'whatever'] })).rejects.toMatchObject({
      code: 'SERVICE_START_FAILED',
      message: expect.stringContaining('argument(s) must be one of'),
    });
  });
});

describeWithPostgres('a private Postgres', () => {
  it('keeps what was committed, whether it was stopped or crashed', async () => {
    const server = await startPrivatePostgres();
    try {
      await query(server.url, 'create table sales (id int)');
      for (const mode of ['fast', 'immediate'] as const) {
        await query(server.url, 'insert into sales values (1)');
        await server.halt(mode);
        await expect(query(server.url, 'select 1')).rejects.toMatchObject(REFUSED);
        await server.start();
      }
      expect(await query(server.url, 'select id from sales')).toHaveLength(2);
    } finally {
      await server.stop();
    }
  });
});

describe('the embedded Postgres', () => {
  it('gives each of many connections its own rows, though all share one session', async () => {
    const server = await startEmbeddedPostgres();
    const clients = Array.from({ length: 6 }, () => postgres(server.url, { max: 1 }));
    try {
      const rounds = Array.from({ length: 40 }, (_, round) => round);
      const answers = clients.map(async (sql, client) => {
        for (const round of rounds) {
          const expected = client * 1_000 + round;
          const [row] = await sql`select ${expected}::int as n, ${String(expected)}::text as t`;
          expect(row).toEqual({ n: expected, t: String(expected) });
        }
      });
      await Promise.all(answers);
    } finally {
      await Promise.all(clients.map((sql) => sql.end()));
      await server.stop();
    }
  });

  it('undoes what a client leaves open that dies, in a transaction or in the middle of a statement', async () => {
    const server = await startEmbeddedPostgres();
    const sql = postgres(server.url, { max: 1 });
    try {
      await sql`create table sales (id int)`;
      const inTransaction = simpleQuery('begin; insert into sales values (1)');
      const unfinished = Buffer.concat([parse('insert into sales values (2)'), BIND, EXECUTE]);
      for (const left of [inTransaction, unfinished, parse('selekt 3')]) {
        await sendAndDie(server.port, left);
        expect(await sql`select id from sales`).toEqual([]);
      }
    } finally {
      await sql.end();
      await server.stop();
    }
  });
});

describe('the search', () => {
  it('takes the server whose address is given, and leaves it alone at the end', async () => {
    const service = await startRedis({ variable: 'SHOP_REDIS', env: { SHOP_REDIS: testRedisUrl() } });
    await service.stop();
    expect(service).toMatchObject({ url: testRedisUrl(), source: 'environment' });
    await expect(redisAnswers(testRedisUrl())).resolves.toBeUndefined();
  });

  it('names the variable, never the password, where no server answers at the given address', async () => {
    const env = { SHOP_REDIS: 'redis://:hush-hush@127.0.0.1:1' };
    const search = startRedis({ variable: 'SHOP_REDIS', env });
    await expect(search).rejects.toMatchObject({
      code: 'SERVICE_START_FAILED',
      message: 'SHOP_REDIS is set, but no Redis answers at 127.0.0.1:1.',
    });
    await expect(startRedis({ variable: 'SHOP_REDIS', env: { SHOP_REDIS: 'hush-hush' } })).rejects.toThrow(
      'SHOP_REDIS is not a URL.',
    );
  });

  it('says what to install where there is no Redis and no package manager', async () => {
    await expect(startRedis({ variable: 'REDIS_URL', env: { PATH: '' } })).rejects.toMatchObject({
      code: 'SERVICE_NOT_FOUND',
      message: expect.stringMatching(/set REDIS_URL .* or install one: `apt-get install redis-server`/),
    });
  });
});

async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

async function dataFolder(url: string): Promise<string> {
  return String((await withRedis(url, (redis) => redis.config('GET', 'dir')))[1]);
}

async function query(url: string, statement: string) {
  const sql = postgres(url, { max: 1, connect_timeout: 5 });
  try {
    return await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}

const simpleQuery = (text: string) => message('Q', `${text}\0`);
// Of the unnamed statement and portal; the Sync that should follow is left out.
const BIND = message('B', '\0'.repeat(8));
const EXECUTE = message('E', '\0'.repeat(5));
const parse = (text: string) => message('P', `\0${text}\0\0\0`);

function message(type: string, body: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(4 + body.length);
  return Buffer.concat([Buffer.from(type), length, Buffer.from(body)]);
}

/** A client that starts a session, sends this and is gone as soon as it is answered. */
async function sendAndDie(port: number, left: Buffer): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  const startUp = message('', '\0\x03\0\0user\0postgres\0database\0postgres\0\0');
  socket.write(startUp);
  await once(socket, 'data');
  socket.write(left);
  await once(socket, 'data');
  socket.resetAndDestroy();
  await once(socket, 'close');
}

/** A process that starts a Redis, prints its URL and stays. */
function startOwner() {
  const services = pathToFileURL('scripts/services.ts').href;
  const code = `
    import { startPrivateRedis } from '${services}';
    console.log((await startPrivateRedis()).url);
    setInterval(() => {}, 1_000);
  `;
  return spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('It did not come true in 15 s.');
    await sleep(20);
  }
}
