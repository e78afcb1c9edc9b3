import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { VERSION } from '../src/base/version.ts';
import { aProject, type Project, unpackInto } from './support/package.ts';
import { freshDatabase } from './support/postgres.ts';
import { testRedisUrl, uniqueNamespace } from './support/redis.ts';
import { sales } from './sync/sales.ts';

const TSC = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
const CLI = 'node_modules/conexxus-sync/dist/cli.js';
const ENTRIES = ['dist/index.d.ts', 'dist/outbox/enqueue.d.ts'];
const EXPECTED = [
  /^(README\.md|package\.json)$/,
  /^dist\/.+\.(js|d\.ts|lua|css)$/,
  /^drizzle\/(outbox\/)?(\d{4}_\w+\.sql|meta\/_journal\.json)$/,
  /^drizzle\/README\.md$/,
];

/** What the types of ours would make a POS install. */
const FOREIGN = /node_modules\/(?!conexxus-sync\/|@?typescript\/|@types\/node\/|undici-types\/)/;

const A_POS = `
  import { createSyncProducer } from 'conexxus-sync';
  import { checkSale, enqueueInTransaction } from 'conexxus-sync/outbox';

  interface Line { sku: string; quantity: number; price: number }
  interface Receipt { readonly id: string; timestamp: string; total: number; items: readonly Line[]; till: number }
  declare const receipts: readonly Receipt[];
  const day = { date: '2025-11-20', locationId: 'store-7', transactions: receipts };

  const sync = createSyncProducer({ redisUrl: 'redis://localhost', namespace: process.env['NAMESPACE'] });
  export const ids: string[] = (await sync.pushSalesMany([day])).map(({ jobId }) => jobId);
  await sync.pushSales({ ...day, openedBy: 'Ana' });
  // @ts-expect-error: an amount is a number
  await sync.pushSales({ ...day, transactions: [{ id: 'T-1', timestamp: '', total: '1.00', items: [] }] });
  // @ts-expect-error: a store is named
  await sync.fetchInventory({});
  // @ts-expect-error: there is no such state
  if ((await sync.pushSales(day)).state === 'lost') throw new Error();

  checkSale(day);
  // @ts-expect-error: this is no transaction
  await enqueueInTransaction({}, day);
`;
const A_COMMONJS_POS = `
  export const loading = import('conexxus-sync').then(({ createSyncProducer }) =>
    createSyncProducer({ redisUrl: 'redis://localhost' }).close(),
  );
`;

let project: Project;

beforeAll(async () => {
  project = await aProject();
  await unpackInto(project);
}, 120_000);

afterAll(() => project.remove());

const packaged = (path: string) => readFile(join(project.folder, 'node_modules/conexxus-sync', path), 'utf8');

describe('the package', () => {
  it('holds what is built, its assets, the migrations, and nothing else', () => {
    expect(project.files.filter((path) => !EXPECTED.some((kind) => kind.test(path)))).toEqual([]);
    expect(project.files).toEqual(expect.arrayContaining([...ENTRIES, 'dist/index.js', 'dist/cli.js']));
  });

  it('names no module of ours that it does not hold, and no source', async () => {
    const lost: string[] = [];
    for (const path of project.files.filter((name) => /\.(js|d\.ts)$/.test(name))) {
      const named = (await packaged(path)).matchAll(
        /^(?:import|export) [^;'"]*?(?:from )?['"](\.[^'"]+)['"]/gm,
      );
      const paths = [...named].map(([, name = '']) => posix.join(posix.dirname(path), name));
      lost.push(...paths.filter((name) => !project.files.includes(name)));
    }
    expect(lost).toEqual([]);
  });
});

describe('a POS that installed the package', () => {
  const run = async (name: string, script: string) => {
    await project.write(name, script);
    return project.run(process.execPath, [name]);
  };
  const enqueue = (namespace: string) => `
    const sync = createSyncProducer({ redisUrl: '${testRedisUrl()}', namespace: '${namespace}' });
    sync.pushSales(${JSON.stringify(sales())})
      .then(({ status }) => console.log(status))
      .finally(() => sync.close());`;

  it('imports it as a module', async () => {
    const ran = await run(
      'pos.mjs',
      `import { createSyncProducer, InvalidPayloadError } from 'conexxus-sync';
       import * as outbox from 'conexxus-sync/outbox';
       if (outbox.InvalidPayloadError !== InvalidPayloadError) console.log('two classes of one error');
       ${enqueue(uniqueNamespace())}`,
    );
    expect(ran).toEqual({ code: 0, stdout: 'accepted\n', stderr: '' });
  });

  it('imports it from CommonJS', async () => {
    const ran = await run(
      'pos.cjs',
      `import('conexxus-sync').then(({ createSyncProducer }) => { ${enqueue(uniqueNamespace())} });`,
    );
    expect(ran).toEqual({ code: 0, stdout: 'accepted\n', stderr: '' });
  });

  it('requires it from CommonJS', async () => {
    const ran = await run(
      'required.cjs',
      `const { createSyncProducer, InvalidPayloadError } = require('conexxus-sync');
       if (require('conexxus-sync/outbox').InvalidPayloadError !== InvalidPayloadError) console.log('two classes');
       ${enqueue(uniqueNamespace())}`,
    );
    expect(ran).toMatchObject({ code: 0, stdout: 'accepted\n' });
  });

  it('has the command, with all that it reads at run time', async () => {
    const fresh = await freshDatabase();
    const env = { DATABASE_URL: fresh.url, REDIS_URL: testRedisUrl(), SYNC_NAMESPACE: uniqueNamespace() };
    const cli = (...args: string[]) => project.run(process.execPath, [CLI, ...args], env);
    try {
      expect(await cli('--version')).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: '' });
      expect(await cli('migrate', '--help')).toMatchObject({
        stdout: expect.stringMatching(/^Usage: .*--outbox/s),
      });
      expect(await cli('migrate')).toMatchObject({ stdout: expect.stringMatching(/^Applied \d/) });
      expect(await cli('circuit', 'status')).toMatchObject({ stdout: expect.stringMatching(/^Circuit: /) });
    } finally {
      await fresh.close();
    }
  }, 60_000);
});

describe('the types of the package', () => {
  /** Of the entries and of what they name, by path. */
  let declarations: Map<string, string>;

  beforeAll(async () => {
    declarations = new Map();
    const open = [...ENTRIES];
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      if (declarations.has(path)) continue;
      const text = await packaged(path);
      declarations.set(path, text);
      for (const [, name = ''] of text.matchAll(/(?:from |import\()['"](\.[^'"]+)['"]/g)) {
        open.push(posix.join(posix.dirname(path), name.replace(/\.js$/, '.d.ts')));
      }
    }
  });

  it('tell of each thing that a POS may import what it is, with an example', () => {
    const all = [...declarations.values()].join('\n');
    const entries = ENTRIES.map((path) => declarations.get(path)).join('\n');
    const names = [
      ...[...entries.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = '']) => list.split(',')),
      ...[...entries.matchAll(/^export (?:declare )?(?:class|function|interface) (\w+)/gm)].map(
        ([, name = '']) => name,
      ),
    ].flatMap((name) => name.replace('type ', '').trim() || []);
    expect(names).toEqual(expect.arrayContaining(['createSyncProducer', 'PushSales', 'checkSale']));
    const told = (name: string) =>
      new RegExp(
        `@example(?:(?!\\*/)[^])*\\*/\\n(?:export )?(?:declare )?(?:abstract )?\\w+ ${name}\\b`,
      ).test(all);
    expect(names.filter((name) => !told(name))).toEqual([]);
  });

  it.each([
    ['node16', true],
    ['bundler', false],
  ])(
    'are sound for a POS by the rules of %s, with exact optional properties %p',
    async (rules, exact) => {
      const examples = [...declarations.values()].flatMap(examplesIn);
      expect(examples.length).toBeGreaterThan(15);
      await Promise.all(examples.map((code, n) => project.write(`example-${n}.mts`, code)));
      await project.write('pos.mts', A_POS);
      await project.write('pos.cts', A_COMMONJS_POS);
      const compilerOptions = {
        target: 'es2023',
        module: rules === 'bundler' ? 'esnext' : rules,
        moduleResolution: rules,
        moduleDetection: 'force',
        strict: true,
        exactOptionalPropertyTypes: exact,
        skipLibCheck: false,
        noEmit: true,
        types: ['node'],
      };
      const config = `tsconfig.${rules}.${exact}.json`;
      await project.write(config, JSON.stringify({ compilerOptions, include: ['*.mts', '*.cts'] }));
      const { code, stdout } = await project.run(process.execPath, [TSC, '-p', config, '--listFiles']);
      const [read, said] = parted(stdout.trim().split('\n'), (line) => line.startsWith('/'));
      expect({ code, said }).toEqual({ code: 0, said: [] });
      expect(read.some((path) => path.endsWith('conexxus-sync/dist/index.d.ts'))).toBe(true);
      expect(read.filter((path) => FOREIGN.test(path))).toEqual([]);
    },
    120_000,
  );
});

function examplesIn(declarations: string): string[] {
  return [...declarations.matchAll(/@example\n \* ```ts\n((?: \*.*\n)*?) \* ```/g)].map(([, lines = '']) =>
    lines.replaceAll(/^ \* ?/gm, ''),
  );
}

function parted<Item>(items: readonly Item[], isFirst: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}
