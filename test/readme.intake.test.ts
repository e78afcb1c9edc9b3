import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type IntakeBench, intakeBench } from './intake/harness.ts';
import { aSale } from './support/outbox.ts';
import { startCommand } from './support/process.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const [, section = ''] = /^### Over HTTP\n(.*?)^## Outbox/ms.exec(readme) ?? [];
const shell = [...section.matchAll(/^```sh\n(.*?)^```/gms)].map(([, code = '']) => code);
const row = spawnSync('curl', ['--version']).status === 0 ? it : it.skip;

let bench: IntakeBench;
let folder: string;

beforeAll(async () => {
  bench = await intakeBench();
  folder = mkdtempSync(join(tmpdir(), 'intake-'));
  const sale = aSale('T-1001', { locationId: 'store-7' });
  writeFileSync(join(folder, 'sale.json'), JSON.stringify(sale));
  const others = ['T-1001', 'T-1002'].map((id) => JSON.stringify(aSale(id, { locationId: 'store-7' })));
  writeFileSync(join(folder, 'sales.jsonl'), `${others.join('\n')}\n`);
});

afterAll(async () => {
  await bench.close();
  rmSync(folder, { recursive: true });
});

describe('what the README shows of the intake', () => {
  row('works as it is written, by curl', async () => {
    const [tokens = '', curl = ''] = shell;
    const made = tokens.split('\n').filter((line) => !line.includes('revoke'));
    const code = [...made, curl]
      .join('\n')
      .replaceAll('http://127.0.0.1:3100', bench.url)
      .replaceAll('@sale', `@${folder}/sale`)
      .replaceAll('\\\n', ' ')
      .replaceAll(/^(curl.*)$/gm, '$1; echo');
    const shown = startCommand('sh', ['-ec', code], bench.env);
    expect({ ...(await shown.exited), stderr: shown.stderr() }).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('shown this once'),
    });
    const [, ...answers] = shown.logs.map(({ msg, ...line }) => msg ?? line);
    expect(answers.filter((line) => line !== '')).toMatchObject([
      { jobId: expect.stringMatching(/^ps-/), status: 'accepted', state: 'waiting' },
      { transactionId: 'T-1001', sales: [{ locationId: 'store-7', state: 'waiting' }] },
      { accepted: 1, known: 1, refused: 0 },
    ]);
  });

  it('has every operation of the OpenAPI document', async () => {
    const { body } = await bench.ask('GET', '/openapi.json');
    const told = [...section.matchAll(/^\| `(GET|POST) (\S+)` \|/gm)].map(([, ...words]) => words.join(' '));
    const paths: Record<string, object> = body.paths;
    const there = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(told.toSorted()).toEqual(there.toSorted());
  });

  it('has every kind of problem that there is for a client to act on', () => {
    const source = readFileSync(new URL('../src/intake/refusals.ts', import.meta.url), 'utf8');
    const kinds = [...source.matchAll(/(?:kind: |away\()'([\w-]+)'/g)].map(([, kind]) => kind);
    const told = [...section.matchAll(/^\| [\d, ]+ \| (.*?) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([\w-]+)`/g)].map(([, kind]) => kind),
    );
    const others = ['method-not-allowed', 'internal'];
    expect(new Set([...told, ...others])).toEqual(new Set(kinds));
  });
});
