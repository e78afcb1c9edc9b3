import { describe, expect, it } from '@jest/globals';
import { assert, bigInt, integer, property } from 'fast-check';
import { priceOf } from '../../src/inventory/price.ts';

/** Whole units and decimals, without zeros at the end. */
function decimal(units: bigint, decimals: number): string {
  const digits = String(units).padStart(decimals + 1, '0');
  const text = `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
  return text.replace(/\.?0+$/, '');
}

const largest = 10n ** 14n - 1n;
const writtenAs = (text: string) => Number(text);

describe('a price', () => {
  it('is what was written, whatever it is: no digit changes on the way through a double', () => {
    assert(
      property(bigInt({ min: 0n, max: largest }), (units) => {
        const text = decimal(units, 4);
        expect(priceOf(writtenAs(text))).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is what was meant, where a sum, a product or a quotient of floats was written', () => {
    const money = integer({ min: 1, max: 99_999_99 });
    assert(
      property(money, money, (a, b) => {
        expect(priceOf(a / 100 + b / 100)).toBe(decimal(BigInt(a + b), 2));
        expect(priceOf((a / 100) * 1.1)).toBe(decimal(BigInt(a) * 11n, 3));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is what was meant, where a single was written as a double', () => {
    assert(
      property(integer({ min: 0, max: 999_999 }), integer({ min: 1, max: 4 }), (units, decimals) => {
        const text = decimal(BigInt(units), decimals);
        expect(priceOf(Math.fround(writtenAs(text)))).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  it('of five decimals and more is none, up to the most digits that a person can mean', () => {
    assert(
      property(integer({ min: 0, max: 9_999 }), bigInt({ min: 1n, max: 9_999_999_999n }), (whole, rest) => {
        const text = `${whole}.${String(rest).padStart(10, '0')}7`;
        expect(priceOf(writtenAs(text))).toBeUndefined();
      }),
      { numRuns: 2_000 },
    );
  });
});
