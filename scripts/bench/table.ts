import type { Figure, Quantity, Target, Unit } from './figure.ts';

const TO_BARE = 'to bare';

/** A number with its unit, as people read it; `-` for none. */
export function show(value: number, unit: Unit): string {
  if (!Number.isFinite(value)) return '-';
  const text = digits(value, unit);
  return unit === '' ? text : `${text} ${unit}`;
}

function digits(value: number, unit: Unit): string {
  if (unit === 'x' || unit === 'x PING' || unit === 'µs') return value.toFixed(2);
  if (unit === '%') return value.toFixed(value < 10 ? 2 : 1);
  if (unit === 'MB') return value.toFixed(value < 100 ? 1 : 0);
  if (unit === 'ms') return value.toFixed(value < 1 ? 3 : value < 10 ? 2 : 0);
  if (unit === '/ s' && value < 100) return value.toFixed(1);
  return Math.round(value).toLocaleString('en');
}

/** The figures as a table in Markdown. */
export function table(title: string, figures: readonly Figure[]): string {
  const columns = columnsOf(figures);
  const targets = figures.some(({ target }) => target !== undefined);
  const compared = new Set(columns.filter((name) => figures.some((of) => isCompared(of, name))));
  const head = columns.flatMap((name) => (compared.has(name) ? [name, TO_BARE] : [name]));
  const body = figures.map((figure) => [
    figure.what,
    ...columns.flatMap((name) => cellsOf(figure, name, compared.has(name))),
    ...(targets ? targetCells(figure) : []),
  ]);
  return markdown([[title, ...head, ...(targets ? ['target', ''] : [])], ...body]);
}

/** In the order of their first use. */
function columnsOf(figures: readonly Figure[]): string[] {
  const named = figures.flatMap(({ quantities, note }) => [
    ...Object.keys(quantities),
    ...(note === undefined ? [] : ['measured']),
  ]);
  return [...new Set(named)];
}

function isCompared({ quantities }: Figure, column: string): boolean {
  return quantities[column]?.toBare !== undefined;
}

function cellsOf({ quantities, note }: Figure, column: string, compared: boolean): string[] {
  const quantity = quantities[column];
  const text = quantity === undefined ? '' : quantityText(quantity);
  const cell = column === 'measured' && note !== undefined ? note : text;
  return compared ? [cell, quantity?.toBare === undefined ? '' : show(quantity.toBare, 'x')] : [cell];
}

function quantityText({ value, unit, min, max }: Quantity): string {
  const text = show(value, unit);
  // The spread of one round is none.
  if (min === undefined || max === undefined || min === max || !Number.isFinite(value)) return text;
  return `${text} (${show(min, unit).replace(/ .*/, '')} to ${show(max, unit).replace(/ .*/, '')})`;
}

function targetCells({ target, quantities }: Figure): string[] {
  if (target === undefined) return ['', ''];
  return [targetText(target, quantities[target.column]?.unit ?? ''), target.met ? 'met' : 'NOT met'];
}

function targetText({ column, bound, limit }: Target, unit: Unit): string {
  const text = `${bound} ${show(limit, unit)}`;
  return column === 'measured' ? text : `${column} ${text}`;
}

/** The first row is the head. */
export function markdown(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}
