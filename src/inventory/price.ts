/** What numeric(14,4) holds, as plain decimal text. */
const PRICE = /^\d{1,10}(\.\d{1,4})?$/;

export const PRICE_RULE = 'must be from 0 to 9999999999.9999 with at most 4 decimals';

/** Decimals of so many digits come back from a double, or a single, as they went in. */
const DOUBLE_DIGITS = 15;
const SINGLE_DIGITS = 6;
/** And a price has no more than these. */
const PRICE_DIGITS = 14;

/**
 * The price as decimal text, or undefined where there is none: no number that the column holds.
 *
 * A number means its shortest text, so 0.1 is 0.1: nothing is added up, multiplied or rounded. One exception:
 * what floating point left behind where Conexxus reckoned with it, as in 19.990000000000002, means the price
 * that it was before. A price of five decimals that somebody meant is refused, not rounded.
 */
export function priceOf(value: number): string | undefined {
  return [value, unreckoned(value), unwidened(value)].map(String).find((text) => PRICE.test(text));
}

/** 19.990000000000002 is 19.99: nobody writes down sixteen digits, so those past the price's are left over. */
function unreckoned(value: number): number {
  const digits = String(value).replace(/^0\.0*|\D/g, '').length;
  return digits > DOUBLE_DIGITS ? Number(value.toPrecision(PRICE_DIGITS)) : value;
}

/** 3.4590001106262207 is 3.459: the very single that it became, before somebody wrote it down as a double. */
function unwidened(value: number): number {
  const before = Number(value.toPrecision(SINGLE_DIGITS));
  return Math.fround(before) === value ? before : value;
}
