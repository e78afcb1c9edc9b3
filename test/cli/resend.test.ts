import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import { circuitKeys } from '../../src/circuit/keys.ts';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { type Stand, startStand } from '../support/stand.ts';
import { type Ended, runCommand } from './command.ts';

const WHO = ['--reason', 'store created', '--actor', 'olga'];

let stand: Stand;
const stands: Stand[] = [];

afterEach(async () => {
  for (const each of stands.splice(0)) await each.close();
});

function command(args: string[]): Promise<Ended> {
  return runCommand(args, { SYNC_NAMESPACE: stand.namespace });
}

async function atRest(): Promise<void> {
  await eventually(async () => {
    expect(await stand.queue.getCompletedCount()).toBe(2);
    expect(await stand.redis.xlen(`{${stand.namespace}}:events`)).toBe(0);
  }, 15_000);
}

it('sends a delivered payload again under the same key, also once the queue has forgotten it', async () => {
  stand = await startStand();
  stands.push(stand);
  await stand.simulator.setSettings({ idempotency: 'conflict' });
  await stand.startWorker();
  const sales = makeSales(2);
  const [id = '', other = ''] = await stand.enqueue(sales);
  await atRest();

  const resent = await command(['resend', id, ...WHO]);
  expect(resent).toMatchObject({ code: 0, err: '' });
  expect(resent.out).toContain(id);
  const calls = async (key: string) => (await stand.simulator.ledger({ key })).map(({ status }) => status);
  await eventually(async () => expect(await calls(id)).toEqual([200, 409]));
  await atRest();

  await (await stand.queue.getJob(other))?.remove();
  const lost = await command(['resend', other, ...WHO]);
  expect(lost).toMatchObject({ code: 1 });
  expect(lost.err).toContain('give its payload with --file');
  const folder = mkdtempSync(join(tmpdir(), 'resend-'));
  const file = join(folder, 'sales.jsonl');
  writeFileSync(file, sales.map((sale) => JSON.stringify(sale)).join('\n'));
  const resentFile = await command(['resend', other, '--file', file, '--json', ...WHO]);
  expect(JSON.parse(resentFile.out)).toEqual({ jobId: other, syncKey: other });
  rmSync(folder, { recursive: true });
  await eventually(async () => expect(await calls(other)).toEqual([200, 409]));
  await atRest();

  const audit = await stand.database.sql`
    select aggregate_id, payload from event_log
    where event_type = 'conexxus.operator.resend' order by "timestamp"`;
  expect([...audit]).toMatchObject([
    { aggregate_id: id, payload: { actor: 'olga', reason: 'store created' } },
    { aggregate_id: other },
  ]);
  const marks = [id, other].map((key) => circuitKeys(stand.namespace, '').delivered(key));
  expect(await stand.redis.exists(...marks)).toBe(2);
}, 60_000);

it('refuses to send again without a reason', async () => {
  const { code, err } = await runCommand(['resend', 'ps-1'], { REDIS_URL: 'redis://127.0.0.1:1' });
  expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/'--reason <text>' not specified/) });
});
