import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { testRedisUrl, uniqueNamespace } from './support/redis.ts';
import { sales } from './sync/sales.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Runs a POS of one script in a process of its own. */
async function pos(script: string): Promise<{ stdout: string; stderr: string }> {
  const args = ['--input-type=module', '--eval', script];
  return run(process.execPath, args, { cwd: ROOT, timeout: 15_000 });
}

describe('a POS that imports the producer', () => {
  it.each([
    ['index.js', ['bullmq', 'canonicalize', 'ioredis', 'zod']],
    ['outbox/enqueue.js', ['canonicalize', 'zod']],
  ])('by %s loads what it needs of others, and neither Postgres nor HTTP code', async (entry, packages) => {
    // A hook writes down all that import asks for; what CommonJS requires is in its cache.
    const hook = `import { writeSync } from 'node:fs';
      export async function resolve(specifier, context, next) {
        const found = await next(specifier, context);
        writeSync(1, [context.parentURL, specifier, found.url].join(' ') + '\\n');
        return found;
      }`;
    const { stdout } = await pos(`
      import { createRequire, register } from 'node:module';
      register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)});
      await import('./dist/${entry}');
      console.log(Object.keys(createRequire(process.cwd() + '/').cache).join('\\n'));`);
    const ours = new URL('../dist/', import.meta.url).href;
    const asked = stdout.split('\n').filter((line) => line.startsWith(ours) && !/ (\.|node:)/.test(line));
    expect(new Set(asked.map((line) => line.split(' ')[1]))).toEqual(new Set(packages));
    expect(stdout).not.toMatch(/node_modules\/(postgres|pg|drizzle-orm|hono|@hono|@bull-board|got)\//);
    expect(stdout).not.toMatch(
      /dist\/(circuit\/(?!keys|claims)|conexxus|events|inventory|ops|cli|base\/config)/,
    );
  });

  it('enqueues, and ends by itself after close', async () => {
    const { stdout, stderr } = await pos(`
      import { createSyncProducer } from './dist/index.js';
      const options = { redisUrl: '${testRedisUrl()}', namespace: '${uniqueNamespace()}' };
      const producer = createSyncProducer(options);
      const { status } = await producer.pushSales(${JSON.stringify(sales())});
      await producer.close();
      console.log(status, process.listenerCount('SIGTERM'), process.listenerCount('uncaughtException'));`);
    expect(stdout).toBe('accepted 0 0\n');
    expect(stderr).toBe('');
  });

  it.each([
    ['has no listener', ''],
    ['has a listener that throws', `onError() { throw new Error('listener') },`],
    ['has a listener that rejects', `async onError() { throw new Error('listener') },`],
  ])(
    'stays alive and hears nothing on its console while Redis is away, when it %s',
    async (_what, onError) => {
      const { stdout, stderr } = await pos(`
      import { createSyncProducer } from './dist/index.js';
      const producer = createSyncProducer({ redisUrl: 'redis://127.0.0.1:1', ${onError} });
      const codes = [];
      for (let n = 0; n < 3; n += 1) {
        await producer.pushSales(${JSON.stringify(sales())}).catch(({ code }) => codes.push(code));
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      await producer.close();
      console.log(codes.join());`);
      expect(stdout).toBe('QUEUE_UNAVAILABLE,QUEUE_UNAVAILABLE,QUEUE_UNAVAILABLE\n');
      expect(stderr).toBe('');
    },
  );
});
