import { describe, expect, it } from '@jest/globals';
import canonicalize from 'canonicalize';
import * as fc from 'fast-check';
import { canonicalJson } from '../../../src/sync/jobs/sync-key.ts';

describe('canonical JSON', () => {
  it('is what RFC 8785 says, as another implementation has it', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const data: unknown = JSON.parse(JSON.stringify(value));
        expect(canonicalJson(data)).toBe(canonicalize(data));
      }),
      { numRuns: 1_000 },
    );
  });

  it('sorts members by their UTF-16 code units, whatever they are called', () => {
    const json =
      '{"\\u20ac":1,"\\r":2,"\\ufb33":3,"1":4,"\\ud83d\\ude00":5,"\\u0080":6,"\\u00f6":7,"10":8,"9":9,"__proto__":10}';
    const data: unknown = JSON.parse(json);
    expect(canonicalJson(data)).toBe(
      '{"\\r":2,"1":4,"10":8,"9":9,"__proto__":10,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}',
    );
  });

  it('writes numbers as ECMAScript does', () => {
    expect(canonicalJson([333333333.3333333, 1e30, 4.5, 2e-3, 1e-27, -0, 9007199254740991])).toBe(
      '[333333333.3333333,1e+30,4.5,0.002,1e-27,0,9007199254740991]',
    );
  });

  it('writes each name as it is, however many there are and however long', () => {
    const names = Array.from({ length: 2_000 }, (_, n) => `"${'n'.repeat(n % 100)}${n}\n`);
    const data = Object.fromEntries(names.map((name) => [name, 1]));
    const text = canonicalJson(data);
    expect(text).toBe(canonicalize(data));
    expect(canonicalJson(data)).toBe(text);
  });

  it('leaves out a member that is undefined', () => {
    expect(canonicalJson({ b: undefined, a: { c: undefined } })).toBe('{"a":{}}');
  });
});
