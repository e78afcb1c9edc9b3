import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { cleanRecord, cleanText, excerpt } from '../../src/events/text.ts';

const parse = (json: string): object => JSON.parse(json);

describe('cleanText', () => {
  it('replaces NUL and lone surrogates, and leaves pairs alone', () => {
    expect(cleanText('a\0b\ud83d😀\ude00')).toBe('a\ufffdb\ufffd😀\ufffd');
  });
});

describe('cleanRecord', () => {
  it('keeps a key named __proto__ a mere key', () => {
    const cleaned = cleanRecord(parse('{"__proto__":{"admin":true}}'));
    expect(JSON.stringify(cleaned)).toBe('{"__proto__":{"admin":true}}');
    expect(cleaned['admin']).toBeUndefined();
  });

  it('refuses what nests too deep instead of overflowing the stack', () => {
    const deep = parse(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
    expect(() => cleanRecord(deep)).toThrow('nests deeper than 200 levels');
  });

  it('leaves what needs no cleaning as it is', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z]+$/), fc.jsonValue({ maxDepth: 3 })), (record) => {
        const text = JSON.stringify(record).replaceAll(/\\u(0000|d[89a-f]..)/gi, '');
        expect(JSON.stringify(cleanRecord(parse(text)))).toBe(JSON.stringify(parse(text)));
      }),
    );
  });
});

describe('excerpt', () => {
  it('keeps a short text whole', () => {
    expect(excerpt('sale')).toBe('sale');
  });

  it('cuts after 1,000 characters', () => {
    expect(excerpt('x'.repeat(1_001))).toBe('x'.repeat(1_000));
  });

  it('never cuts a code point in two', () => {
    expect(excerpt('ab😀', 3)).toBe('ab');
    expect(excerpt('ab😀', 4)).toBe('ab😀');
  });

  it('holds nothing that Postgres refuses, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat({ max: 20 }), (text, max) => {
        const cut = excerpt(text, max);
        expect(cut.length).toBeLessThanOrEqual(max);
        expect(cut).not.toMatch(/[\0\p{Surrogate}]/u);
      }),
    );
  });
});
