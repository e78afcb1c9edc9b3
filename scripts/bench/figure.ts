export type Unit = 'ms' | 'µs' | 'B' | 'MB' | '/ s' | 'x' | 'x PING' | '%' | '';

/** A number as it was measured; of several rounds their median. */
export interface Quantity {
  readonly value: number;
  readonly unit: Unit;
  /** Of the rounds. */
  readonly min?: number;
  readonly max?: number;
  /** How many times the same of the bare side. */
  readonly toBare?: number;
}

export type Quantities = Readonly<Record<string, Quantity>>;

/** What a quantity should be. */
export interface Target {
  readonly column: string;
  readonly bound: 'at most' | 'at least';
  readonly limit: number;
  readonly met: boolean;
}

/** One line of the table. */
export interface Figure {
  readonly what: string;
  /** By the column that shows it; a number that stands alone is `measured`. */
  readonly quantities: Quantities;
  /** Absent: measured for its own sake. */
  readonly target?: Target;
  /** Why there are no numbers. */
  readonly note?: string;
}

type Show = (value: number) => Quantity;

const unit =
  (unit: Unit): Show =>
  (value) => ({ value, unit });

export const ms = unit('ms');
export const us = unit('µs');
export const bytes = unit('B');
export const megabytes = unit('MB');
export const perSecond = unit('/ s');
export const times = unit('x');
export const pings = unit('x PING');
export const percent = unit('%');
export const count = unit('');

export function figure(what: string, measured: Quantity | Quantities): Figure {
  return { what, quantities: isQuantity(measured) ? { measured } : measured };
}

function isQuantity(measured: Quantity | Quantities): measured is Quantity {
  return typeof measured['value'] === 'number';
}

/** The figure with what its quantity in `column` should be; default: the only one. */
export function atMost(figure: Figure, limit: number, column = 'measured'): Figure {
  const met = valueOf(figure, column) <= limit;
  return { ...figure, target: { column, bound: 'at most', limit, met } };
}

export function atLeast(figure: Figure, limit: number, column = 'measured'): Figure {
  const met = valueOf(figure, column) >= limit;
  return { ...figure, target: { column, bound: 'at least', limit, met } };
}

/** NaN, which meets no target, where there is none. */
function valueOf({ quantities }: Figure, column: string): number {
  return quantities[column]?.value ?? Number.NaN;
}

/** `share` of 0 to 1. NaN where there are no samples. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** Both percentiles that are told everywhere. */
export function spread(samples: readonly number[]): { readonly p50: Quantity; readonly p99: Quantity } {
  return { p50: ms(percentile(samples, 0.5)), p99: ms(percentile(samples, 0.99)) };
}

/**
 * The median of some rounds, and how far they lie apart. With the rounds of the bare side in the same turns also the
 * median of what each turn says: whatever else the machine did in one of them spoils that one alone.
 */
export function median(show: Show, rounds: readonly number[], bare?: readonly number[]): Quantity {
  const quantity = {
    ...show(percentile(rounds, 0.5)),
    min: Math.min(...rounds),
    max: Math.max(...rounds),
  };
  if (bare === undefined) return quantity;
  const ratios = rounds.map((round, turn) => round / (bare[turn] ?? Number.NaN));
  return { ...quantity, toBare: percentile(ratios, 0.5) };
}
