import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseJob } from '../src/sync/jobs/jobs.ts';
import { openPos, type PosDatabase } from './outbox/pos.ts';
import { startScript } from './support/script.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const section =
  readFileSync(join(ROOT, 'README.md'), 'utf8').split('\n## Outbox\n')[1]?.split('\n## ')[0] ?? '';

function codeBlock(language: string): string {
  const code = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(section)?.[1];
  if (code === undefined) throw new Error(`The README shows no ${language} for the outbox.`);
  return code;
}

/** Of a language that may not be on this machine. */
function itWith(command: string, args: readonly string[], title: string, test: () => Promise<void>): void {
  const row = isWell(command, args) ? it : it.skip;
  row(row === it ? title : `${title} (skipped: ${command} ${args.join(' ')} fails here)`, test);
}

function isWell(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('the outbox of the README', () => {
  let pos: PosDatabase;

  beforeAll(async () => {
    pos = await openPos();
    await pos.sql`alter table receipts add column total numeric not null`;
  });

  afterAll(async () => {
    await pos.close();
  });

  /** One receipt and one valid row, of the same sale. */
  async function expectOneSale(id: string): Promise<void> {
    const [row, ...others] = await pos.waiting();
    expect(others).toEqual([]);
    expect(row).toMatchObject({ name: 'push_sales', data: { transactions: [{ id, total: 21.98 }] } });
    expect(parseJob('push_sales', row?.data)).toMatchObject({ ok: true });
    expect(await pos.receipts()).toEqual([id]);
    await pos.empty();
  }

  it('takes a sale from TypeScript', async () => {
    const code = codeBlock('ts')
      .replace("'conexxus-sync/outbox'", "'./src/outbox/enqueue.ts'")
      .replace("'postgres://till@localhost/pos'", JSON.stringify(pos.fresh.url));
    expect(await startScript(code).ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
    await expectOneSale('T-1001');
  });

  it('takes a sale from SQL', async () => {
    await pos.sql.unsafe(codeBlock('sql'));
    await expectOneSale('T-1002');
  });

  itWith('python3', ['-c', 'import psycopg'], 'takes a sale from Python', async () => {
    const code = codeBlock('python').replace('postgres://till@localhost/pos', pos.fresh.url);
    await promisify(execFile)('python3', ['-c', code]);
    await expectOneSale('T-1003');
  });

  itWith('php', ['-r', "exit(extension_loaded('pdo_pgsql') ? 0 : 1);"], 'takes a sale from PHP', async () => {
    const { hostname, port, pathname, username } = new URL(pos.fresh.url);
    const code = codeBlock('php')
      .replace('<?php', '')
      .replace('host=localhost;dbname=pos', `host=${hostname};port=${port};dbname=${pathname.slice(1)}`)
      .replace("'till'", `'${username}'`);
    await promisify(execFile)('php', ['-r', code]);
    await expectOneSale('T-1004');
  });
});
