import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PrivateServer } from '../scripts/services/service.ts';
import { startPrivateRedis } from '../scripts/services.ts';
import { API_SITUATIONS, LONGER_SITUATIONS } from './support/runbook/api-situations.ts';
import { parseRunbook, readRunbook } from './support/runbook/readme.ts';
import { type RunbookStand, startRunbookStand } from './support/runbook/stand.ts';
import { STORE_SITUATIONS } from './support/runbook/store-situations.ts';

/** All but the first are made in `test/faults/runbook.test.ts`. */
const ALL = { ...API_SITUATIONS, ...LONGER_SITUATIONS, ...STORE_SITUATIONS };

const blocksOf = (situations: Iterable<readonly [title: string, blocks: readonly unknown[]]>) =>
  new Map([...situations].map(([title, blocks]) => [title, blocks.length]));

describe('the runbook of the README', () => {
  const runbook = readRunbook();
  let redis: PrivateServer;
  let stand: RunbookStand;

  beforeAll(async () => {
    redis = await startPrivateRedis();
    stand = await startRunbookStand({ redis });
  });

  afterAll(async () => {
    await stand.close();
    await redis.stop();
  });

  it('has each situation that a test makes, with as many blocks of commands, and no other', () => {
    const told = runbook.map(({ title, blocks }) => [title, blocks] as const);
    expect(blocksOf(told)).toEqual(blocksOf(Object.entries(ALL)));
  });

  const here = runbook.filter(({ title }) => Object.hasOwn(API_SITUATIONS, title));

  it.each(here.map((situation) => [situation.title, situation] as const))(
    'is true: %s',
    (title, situation) => stand.expectTrue(situation, API_SITUATIONS[title] ?? []),
    120_000,
  );
});

describe('a runbook', () => {
  const parsed = (text: string) => parseRunbook(`## A\n\n## Runbook\n\n### B\n\n${text}\n\n## C\n`);
  const inBlock = (text: string, language = 'console') => parsed(`\`\`\`${language}\n${text}\n\`\`\``);

  it('has commands with what they say, and with their exit code', () => {
    const [situation] = inBlock('$ one --two     # exit code 3\nsaid\n$ three\nalso\nsaid');
    expect(situation?.blocks).toEqual([
      [
        { command: 'one --two', exitCode: 3, shown: ['said'] },
        { command: 'three', exitCode: 0, shown: ['also', 'said'] },
      ],
    ]);
  });

  it.each([
    ['that shows nothing', () => inBlock('$ one\n$ two\nsaid'), /shows nothing of what this says: one/],
    ['in a block of another kind', () => inBlock('node dist/cli.js workers', 'sh'), /```sh/],
    ['in a sentence', () => parsed('Type `node dist/cli.js workers`.'), /node dist\/cli\.js workers/],
    ['before the first heading', () => parseRunbook('\n## Runbook\n\n`npm test`\n'), /npm test/],
    ['that nobody typed', () => inBlock('one'), /Nobody typed this/],
  ])('is refused with a command %s', (_where, parse, problem) => {
    expect(parse).toThrow(problem);
  });
});
