import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { jsonbProblems } from '../../src/outbox/jsonb.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';

let fresh: FreshDatabase;
let database: OpenDatabase;

beforeAll(async () => {
  fresh = await freshDatabase();
  database = openDatabase(fresh.url, 1);
});

afterAll(async () => {
  await database.close();
  await fresh.close();
});

const isTaken = async (json: string): Promise<boolean> =>
  database.sql`select ${json}::text::jsonb`.then(
    () => true,
    () => false,
  );
const problemsOf = (data: unknown) => jsonbProblems(data, JSON.stringify(data));

describe('jsonbProblems', () => {
  it('finds something exactly where Postgres refuses the JSON', async () => {
    const piece = fc.constantFrom(
      '\0',
      '\ud83d',
      '\ude00',
      '😀',
      '\\u0000',
      '\\',
      '"',
      'é',
      '\ufffe',
      '\x7f',
      'x',
    );
    const text = fc.oneof(
      fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join('')),
      fc.string(),
    );
    const data = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        text,
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(text, tie('value'), { maxKeys: 3 }),
      ),
    })).value;
    await fc.assert(
      fc.asyncProperty(data, async (value) => {
        const json = JSON.stringify(value);
        expect(jsonbProblems(value, json).length === 0).toBe(await isTaken(json));
      }),
      { numRuns: 500 },
    );
  });

  it('names values and members by their paths', () => {
    const data = { a: ['fine', { b: 'x\0', 'c\ud800': 1, d: undefined }], e: '😀 \\u0000 \\ud83d' };
    expect(problemsOf(data).map(({ path }) => path)).toEqual(['a[1].b', 'a[1]["c\\ud800"]']);
  });
});
