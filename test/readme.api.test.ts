import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OPERATIONS } from '../src/ops/api/operations.ts';
import { migrateOutbox } from '../src/outbox/migrate.ts';
import { openTestDatabase, type TestDatabase } from './events/harness.ts';
import { OPERATOR, type OpsHarness, startOps } from './ops/harness.ts';
import { sales } from './sync/sales.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const section =
  readFileSync(join(ROOT, 'README.md'), 'utf8').split('\n### API\n')[1]?.split('\n### ')[0] ?? '';
const lines = [...section.matchAll(/^curl .*$/gm)].map(([line]) => line);

function hasCurl(): boolean {
  try {
    execFileSync('curl', ['--json', '', '--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const row = hasCurl() ? it : it.skip;

describe('the API of the README', () => {
  let log: TestDatabase;
  let ops: OpsHarness;

  beforeAll(async () => {
    log = await openTestDatabase();
    await migrateOutbox(log.database);
    ops = await startOps({ database: log.database, outboxDatabase: log.database, realCircuit: true });
    const { queue, redis } = ops;
    await redis.hset(queue.toKey('store-7-T-1002'), { name: 'push_sales', data: JSON.stringify(sales()) });
    await redis.zadd(queue.toKey('completed'), 1, 'store-7-T-1002');
  });

  afterAll(async () => {
    await ops.close();
    await log.close();
  });

  it('has every operation in its table', () => {
    const rows = [...section.matchAll(/^\| `(GET|POST) ([^`]+)`(.*?) \|/gm)];
    const told = rows.flatMap(([, method = '', path = '', more = '']) => {
      const others = [...more.matchAll(/`(\/[^`]+)`/g)].map(([, last]) =>
        path.replace(/\/[^/]+$/, last ?? ''),
      );
      return [path, ...others].map((each) => `${method} ${each}`);
    });
    const all = Object.values(OPERATIONS).map(({ method, path }) => `${method.toUpperCase()} /api${path}`);
    expect(['GET /api/openapi.json', ...told].sort()).toEqual(all.sort());
  });

  row('works by curl, line by line (skipped without a curl that knows --json)', async () => {
    expect(lines.length).toBeGreaterThan(5);
    const env = { PATH: process.env['PATH'], LOGIN: `${OPERATOR.user}:${OPERATOR.password}` };
    for (const line of lines) {
      const here = `${line.replace('127.0.0.1:3000', `127.0.0.1:${ops.port}`)} -w '\\n%{http_code}'`;
      const { stdout } = await promisify(execFile)('sh', ['-c', here], { env });
      expect(`${line}\n${stdout}`).toMatch(/\n200$/);
    }
  });
});
