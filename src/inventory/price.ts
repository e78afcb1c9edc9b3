/** What numeric(14,4) holds, as plain decimal text. */
const PRICE = /^\d{1,10}(\.\d{1,4})?$/;
const WHOLE_DIGITS = 10;
const DECIMALS = 4;

export const PRICE_RULE = 'must be from 0 to 9999999999.9999 with at most 4 decimals';

/** Decimals of so many digits come back from a double, or a single, as they went in. */
const DOUBLE_DIGITS = 15;
const SINGLE_DIGITS = 6;
/** And a price has no more than these. */
const PRICE_DIGITS = WHOLE_DIGITS + DECIMALS;
/** A double written out in full has fewer, and what is longer is not worth a look. */
const LENGTH_MAX = 100;

/**
 * The price as plain decimal text, or undefined where there is none: no number that the column holds.
 *
 * A number of a JSON text means what its digits say, however it is spelled: 1.50, 0.15e1 and 15e-1 are 1.5, and
 * nothing is added up, multiplied or rounded. One exception: what floating point left behind where Conexxus reckoned
 * with it, as in 19.990000000000002, means the price that it was before. A price of five decimals that somebody
 * meant is refused, not rounded.
 */
export function priceOf(written: string): string | undefined {
  if (written.length > LENGTH_MAX) return undefined;
  const exact = exactly(written);
  if (exact !== undefined) return exact;
  const value = Number(written);
  // Too small for a double, and yet it is not 0.
  if (value === 0) return undefined;
  return [value, unreckoned(value), unwidened(value)].map(String).find((text) => PRICE.test(text));
}

const NUMBER = /^(-?)0*(\d*)(?:\.(\d*))?(?:e([-+]?\d+))?$/i;

/** Undefined where the column can't hold it digit by digit. */
function exactly(written: string): string | undefined {
  const [, sign, whole = '', fraction = '', exponent = '0'] = NUMBER.exec(written) ?? [];
  if (sign === undefined) return undefined;
  const digits = `${whole}${fraction}`.replace(/^0+/, '').replace(/0+$/, '');
  if (digits === '') return '0';
  const zeros = trailingZeros(`${whole}${fraction}`);
  const decimals = fraction.length - zeros - Number(exponent);
  const wholeDigits = digits.length - decimals;
  if (sign === '-' || decimals > DECIMALS || wholeDigits > WHOLE_DIGITS) return undefined;
  if (decimals <= 0) return digits + '0'.repeat(-decimals);
  const padded = digits.padStart(decimals + 1, '0');
  return `${padded.slice(0, -decimals)}.${padded.slice(-decimals)}`;
}

function trailingZeros(digits: string): number {
  return digits.length - digits.replace(/0+$/, '').length;
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
