import { describe, expect, it } from '@jest/globals';
import { assert, constantFrom, jsonValue, oneof, property, stringMatching } from 'fast-check';
import {
  changedNumberProblem,
  changedNumbers,
  changedNumbersAsText,
} from '../../../src/sync/jobs/exact-numbers.ts';

const CARD = '6035710012345678901';

const textsIn = (json: string) => changedNumbers(json).map(({ text }) => text);
const pathsIn = (json: string) => changedNumbers(json).map((number) => changedNumberProblem(number).path);

/** The exact value of a decimal, as a fraction over a power of ten. */
function exactly(text: string): readonly [bigint, bigint] {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
  const [whole = '', decimals = ''] = mantissa.split('.');
  const shift = Number(exponent) - decimals.length;
  const digits = BigInt(whole + decimals);
  return shift < 0 ? [digits, 10n ** BigInt(-shift)] : [digits * 10n ** BigInt(shift), 1n];
}

function isSameValue(one: string, other: string): boolean {
  const [a, b] = exactly(one);
  const [c, d] = exactly(other);
  return a * d === c * b;
}

describe('a number that a double makes another of', () => {
  it.each([
    CARD,
    `-${CARD}`,
    '9007199254740993',
    '0.1000000000000000055511151231257827',
    '19.990000000000000001',
    '1e400',
    '-1e400',
    '1e-400',
    '123456789012345678e-5',
    '0.00000000000000000012345678901234567',
    `1${'0'.repeat(400)}`,
  ])('is found: %s', (text) => {
    expect(textsIn(text)).toEqual([text]);
    expect(textsIn(`[1, ${text}, 2]`)).toEqual([text]);
  });

  it.each([
    '9007199254740991',
    '9007199254740992',
    '6035710012345679000',
    '19.990',
    '1.50',
    '1e1',
    '1E+1',
    '10.0e-1',
    '0.30000000000000004',
    '-0.30000000000000004',
    '0.1000000000000000000000',
    '-0',
    '0e999',
    '0.000',
    '5e-324',
    '1.7976931348623157e308',
    '123456789012.345',
  ])('is not: %s', (text) => {
    expect(changedNumbers(text)).toEqual([]);
  });

  it('is each whose exact value is not that of its shortest text, and no other', () => {
    const digits = stringMatching(/^-?(0|[1-9]\d{0,19})(\.\d{1,20})?([eE][-+]?\d{1,2})?$/);
    assert(
      property(digits, (text) => {
        const kept = isSameValue(text, String(Number(text)));
        expect(textsIn(`{"n":${text}}`)).toEqual(kept ? [] : [text]);
      }),
      { numRuns: 5_000 },
    );
  });

  it('is none in what JSON.stringify wrote, nor within texts', () => {
    const value = jsonValue({ maxDepth: 5, noUnicodeString: false });
    const indent = constantFrom(undefined, 2);
    assert(
      property(value, indent, (value, indent) => {
        expect(changedNumbers(JSON.stringify(value, undefined, indent))).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
    const quoted = [CARD, `"${CARD}"`, `\\"${CARD}`, `\\\\${CARD}`, `\\${CARD}\\`, `{"a":${CARD}}`];
    expect(changedNumbers(JSON.stringify({ [CARD]: quoted, b: [quoted] }))).toEqual([]);
  });

  it('is told with the path to it, wherever it is', () => {
    const json = `{"a":1.0,"b":{"c d":[0,[],{},"x,{[",{"\\u00e9\\"":${CARD}}]},"":[[1,2],[${CARD},3]],"z":1e400}`;
    expect(pathsIn(json)).toEqual(['b["c d"][4]["é\\""]', '[""][1][0]', 'z']);
    const spaced = JSON.stringify({ a: [{ b: '@' }] }, undefined, 2).replace('"@"', CARD);
    expect(pathsIn(spaced)).toEqual(['a[0].b']);
  });

  it('is told with the path to it, in any value', () => {
    const value = oneof(jsonValue({ maxDepth: 4 }), jsonValue({ maxDepth: 1 }));
    assert(
      property(value, value, value, (before, deep, after) => {
        const around = { before, list: [before, { deep, card: '@@', after }], after };
        const json = JSON.stringify(around).replace('"card":"@@"', `"card":${CARD}`);
        expect(pathsIn(json)).toEqual(['list[1].card']);
        expect(JSON.parse(changedNumbersAsText(json))).toEqual(
          JSON.parse(JSON.stringify({ ...around, list: [before, { deep, card: CARD, after }] })),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('is told with the number that would arrive', () => {
    const message = (text: string) => changedNumberProblem({ path: [], text }).message;
    expect(message(CARD)).toBe(`${CARD} would arrive as 6035710012345679000: send it as text`);
    expect(message('1e400')).toBe('1e400 is more than a number can be: send it as text');
    expect(message('1'.repeat(5_000)).length).toBeLessThan(120);
  });

  it.each([
    ['texts of ten megabytes', `["${'x'.repeat(1e7)}",${CARD}]`],
    ['texts full of quotes', `["${'\\"'.repeat(2e6)}",${CARD}]`],
    ['texts of backslashes', `["${'\\\\'.repeat(2e6)}",${CARD}]`],
    ['a number of a million zeros', `[1${'0'.repeat(1e6)}1.5]`],
    ['nesting beyond any stack', `${'['.repeat(1e6)}${CARD}${']'.repeat(1e6)}`],
    ['a million numbers', `[${'1.25,'.repeat(1e6)}${CARD}]`],
  ])('is found in linear time, in %s', (_what, json) => {
    const startedAt = performance.now();
    expect(changedNumbers(json)).toHaveLength(1);
    // Quadratic time would be minutes.
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('is left where the text is no JSON', () => {
    for (const text of ['', '"', '"\\', '-', '1e', `{"a":${CARD}`, `"${CARD}`, '{"\u0001":1e400'])
      expect(() => changedNumbersAsText(text)).not.toThrow();
  });
});
