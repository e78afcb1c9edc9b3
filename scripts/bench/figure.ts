/** One line of the table. */
export interface Figure {
  readonly what: string;
  readonly measured: string;
  /** What was wanted, and whether it was reached; absent: measured for its own sake. */
  readonly target?: { readonly text: string; readonly met: boolean };
}

export function figure(what: string, measured: string): Figure {
  return { what, measured };
}

/** A figure that should be at most `limit`; `show` puts either into words. */
export function limited(what: string, value: number, limit: number, show: (value: number) => string): Figure {
  const within = `at most ${show(limit)}`;
  return { what, measured: show(value), target: { text: within, met: value <= limit } };
}

/** `share` of 0 to 1. NaN where there are no samples. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export function inMs(ms: number): string {
  return `${ms.toFixed(ms < 10 ? 2 : 0)} ms`;
}

export function times(ratio: number): string {
  return `${ratio.toFixed(2)} x`;
}

export function perSecond(rate: number): string {
  return `${Math.round(rate).toLocaleString('en')} / s`;
}

/** Both percentiles that are told everywhere. */
export function spread(samples: readonly number[]): string {
  return `p50 ${inMs(percentile(samples, 0.5))}, p99 ${inMs(percentile(samples, 0.99))}`;
}

/** The table as Markdown. */
export function table(title: string, figures: readonly Figure[]): string {
  const rows = figures.map(({ what, measured, target }) => [
    what,
    measured,
    target?.text ?? '',
    target === undefined ? '' : target.met ? 'met' : 'NOT met',
  ]);
  const lines = [[title, 'measured', 'target', ''], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(3, ...lines.map((line) => line[column]?.length ?? 0)));
  const show = (line: readonly string[]) =>
    `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = lines;
  return [show(head), show(widths.map((width) => '-'.repeat(width))), ...body.map(show)].join('\n');
}
