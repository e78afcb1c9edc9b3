import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { testRedisUrl } from '../support/redis.ts';
import { keyOf, mended } from '../sync/dead-letters/mending.ts';
import { sales } from '../sync/sales.ts';
import { openShelf, type Shelf } from '../sync/shelf.ts';
import { runCommand } from './command.ts';

const KEY = keyOf(mended('a'));
const folder = mkdtempSync(join(tmpdir(), 'repair-'));
const file = join(folder, 'edited.json');

let shelf: Shelf;

beforeAll(async () => {
  shelf = openShelf();
  await shelf.died({ id: 'a', data: sales('a') });
});

afterAll(() => {
  shelf.close();
  rmSync(folder, { recursive: true });
});

const command = (args: string[]) => runCommand(args, { SYNC_NAMESPACE: shelf.namespace });

it('a dead letter is edited in a file, looked at, and replaced', async () => {
  const shown = await command(['dead-letters', 'show', 'a', '--payload']);
  expect(JSON.parse(shown.out)).toEqual(sales('a'));
  writeFileSync(file, shown.out.replace('16676', '16677'));

  const dry = await command(['dead-letters', 'repair', 'a', '--file', file]);
  expect(dry).toMatchObject({ code: 0, err: '' });
  expect(dry.out).toContain('transactions[0].items[0].sku  "16676" -> "16677"');
  expect(dry.out).toContain(`a would be replaced by ${KEY}. Nothing was done: add --yes and --reason TEXT`);
  expect(await shelf.idsOf({})).toEqual(['a']);

  const without = await command(['dead-letters', 'repair', 'a', '--file', file, '--yes']);
  expect(without).toMatchObject({ code: 1, err: expect.stringContaining('--yes needs --reason') });

  const who = ['--yes', '--reason', 'a typo', '--actor', 'olga'];
  const done = await command(['dead-letters', 'repair', 'a', '--file', file, ...who, '--json']);
  expect(JSON.parse(done.out)).toMatchObject({ replaced: 'a', jobId: KEY, moreDifferences: 0 });
  expect(await shelf.waiting()).toEqual([KEY]);

  const late = await command(['dead-letters', 'repair', 'a', '--file', file, ...who]);
  expect(late).toMatchObject({ code: 1, err: expect.stringContaining('There is no dead letter a') });
}, 60_000);

it('what is wrong in it is named, from the standard input too', async () => {
  await shelf.died({ id: 'b', data: sales('b') });
  const child = spawn(process.execPath, ['dist/cli.js', 'dead-letters', 'repair', 'b', '--file', '-'], {
    env: { PATH: process.env['PATH'], REDIS_URL: testRedisUrl(), SYNC_NAMESPACE: shelf.namespace },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(JSON.stringify({ ...mended('b'), locationId: 'store-2', date: '2026-02-01' }));
  const [[code], err] = await Promise.all([once(child, 'close'), text(child.stderr)]);
  expect(code).toBe(1);
  expect(err).toContain('locationId: must stay "store-1"');
  expect(err).toContain('date: must stay "2026-01-31"');
}, 60_000);
