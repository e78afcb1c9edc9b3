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

describe('a price', () => {
  it('is what was written, whatever it is: no digit changes on the way through a double', () => {
    assert(
      property(bigInt({ min: 0n, max: largest }), (units) => {
        const text = decimal(units, 4);
        expect(priceOf(text)).toBe(text);
        expect(priceOf(String(Number(text)))).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is the same however it is spelled', () => {
    const spelling = integer({ min: -20, max: 20 });
    assert(
      property(
        bigInt({ min: 0n, max: largest }),
        spelling,
        integer({ min: 0, max: 9 }),
        (units, shift, zeros) => {
          const digits = `${'0'.repeat(zeros)}${units}${'0'.repeat(zeros)}`;
          expect(priceOf(`${digits}E${-4 - zeros}`)).toBe(decimal(units, 4));
          expect(priceOf(`${units}${'0'.repeat(20 + shift)}e-${24 + shift}`)).toBe(decimal(units, 4));
          expect(priceOf(`0.${'0'.repeat(20)}${units}e+${20 + String(units).length - 4}`)).toBe(
            decimal(units, 4),
          );
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['0', '0'],
    ['-0.00', '0'],
    ['0e999999999', '0'],
    ['1e1', '10'],
    ['1.50', '1.5'],
    ['15e-1', '1.5'],
    ['0.00010', '0.0001'],
    ['9999999999.99990', '9999999999.9999'],
    ['19.98999999999999843681', '19.99'],
  ])('written as %s is %s', (written, price) => {
    expect(priceOf(written)).toBe(price);
  });

  it.each([
    '1e-400',
    '1e999999999999',
    '-1e-400',
    '9999999999.99995',
    '12345678901.2',
    `0.${'0'.repeat(1_000_000)}1`,
    `1${'0'.repeat(1_000_000)}`,
  ])('is none, written as %.30s', (written) => {
    expect(priceOf(written)).toBeUndefined();
  });

  it('is what was meant, where a sum, a product or a quotient of floats was written', () => {
    const money = integer({ min: 1, max: 99_999_99 });
    assert(
      property(money, money, (a, b) => {
        expect(priceOf(String(a / 100 + b / 100))).toBe(decimal(BigInt(a + b), 2));
        expect(priceOf(String((a / 100) * 1.1))).toBe(decimal(BigInt(a) * 11n, 3));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is what was meant, where a single was written as a double', () => {
    assert(
      property(integer({ min: 0, max: 999_999 }), integer({ min: 1, max: 4 }), (units, decimals) => {
        const text = decimal(BigInt(units), decimals);
        expect(priceOf(String(Math.fround(Number(text))))).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  it('of five decimals and more is none, up to the most digits that a person can mean', () => {
    assert(
      property(integer({ min: 0, max: 9_999 }), bigInt({ min: 1n, max: 9_999_999_999n }), (whole, rest) => {
        const text = `${whole}.${String(rest).padStart(10, '0')}7`;
        expect(priceOf(text)).toBeUndefined();
      }),
      { numRuns: 2_000 },
    );
  });
});
