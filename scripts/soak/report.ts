import type { SoakOptions } from './options.ts';
import type { Totals } from './totals.ts';
import type { Sample, SoakWorker } from './workers.ts';

export interface Ran {
  readonly options: SoakOptions;
  readonly minutes: number;
  readonly workers: readonly SoakWorker[];
  readonly totals: Totals;
  /** Keys in Redis that nothing will remove, other than what is remembered of payloads. */
  readonly leftKeys: readonly string[];
}

const SLICES = 10;
const MB = 2 ** 20;

/** One page. */
export function describe({ options, minutes, workers, totals, leftKeys }: Ran): string {
  const { problems } = totals;
  return [
    `Soak of ${minutes.toFixed(1)} minutes, seed ${options.seed}, ${options.salesFile ?? 'made-up sales'}`,
    '',
    ...describeBooks(totals),
    '',
    ...describeFaults(totals),
    '',
    ...describeRecoveries(totals),
    '',
    ...describeWorkers(workers),
    '',
    ...describeTimes(workers.at(-1)?.samples ?? []),
    '',
    `Left in Redis at the end: ${leftKeys.length === 0 ? 'nothing but what is remembered' : leftKeys.join(', ')}`,
    problems.length === 0 ? 'Imbalances: none' : `Imbalances: ${problems.length}`,
    ...problems.map((problem) => `  ${problem}`),
  ].join('\n');
}

function describeBooks(totals: Totals): string[] {
  const n = (value: number) => value.toLocaleString('en');
  return [
    `${n(totals.jobs)} jobs accepted with ${n(totals.transactions)} transactions; checked ${totals.checks} times`,
    `  delivered ${n(totals.delivered)}, dead-lettered ${n(totals.deadLettered)} (each for a 422)`,
    `  ${n(totals.calls)} calls reached the API, ${n(totals.repeatedCalls)} repeated a sale whose answer was lost; applied twice: ${totals.appliedTwice}`,
    `  event log: ${n(totals.succeededRows)} succeeded, ${n(totals.failedRows)} failed, ${n(totals.deadLetterRows)} dead-lettered; ${n(totals.staleRows)} of them stale`,
    `  producer: ${n(totals.refusals)} calls refused while Redis was away, and repeated`,
    `  at rest after ${spread(totals.restAfterMs, seconds)}`,
  ];
}

function describeFaults({ faults, missed }: Totals): string[] {
  const all = [...faults].sort(([a], [b]) => a.localeCompare(b));
  const total = all.reduce((sum, [, times]) => sum + times, 0);
  return [
    `${total} faults`,
    ...all.map(([name, times]) => `  ${String(times).padStart(4)}  ${name}`),
    ...[...missed].map(([name, reason]) => `  not injected: ${name}: ${reason}`),
  ];
}

function describeRecoveries({ openings, closings, outagesMs }: Totals): string[] {
  const causes = [...openings].map(([cause, times]) => `${cause} ${times}`).join(', ');
  return [
    `Circuit: opened ${[...openings.values()].reduce((sum, n) => sum + n, 0)} times (${causes}), closed ${closings} times`,
    `  from opening to closing ${spread(outagesMs, seconds)}`,
  ];
}

function describeWorkers(workers: readonly SoakWorker[]): string[] {
  const head = [
    'worker',
    'processes',
    'killed',
    'RSS first',
    'median',
    'max',
    'last',
    'loop delay median',
    'max',
  ];
  const rows = workers.map(({ name, starts, kills, samples }) => {
    const rss = samples.map(({ rssBytes }) => rssBytes);
    return [
      name,
      String(starts),
      String(kills),
      megabytes(rss[0]),
      megabytes(median(rss)),
      megabytes(maximum(rss)),
      megabytes(rss.at(-1)),
      milliseconds(median(samples.map(({ delayMs }) => delayMs))),
      milliseconds(maximum(samples.map(({ delayMs }) => delayMs))),
    ];
  });
  return [
    ...table([head, ...rows]),
    '(loop delay: the longest of each two seconds; the last worker is frozen, but never killed)',
  ];
}

/** The worker that ran all the time, in a few slices of it. */
function describeTimes(samples: readonly Sample[]): string[] {
  const size = Math.ceil(samples.length / SLICES);
  if (size === 0) return [];
  const rows = Array.from({ length: Math.ceil(samples.length / size) }, (_, index) => {
    const slice = samples.slice(index * size, (index + 1) * size);
    const rss = slice.map(({ rssBytes }) => rssBytes);
    return [
      `${((slice[0]?.at ?? 0) / 60_000).toFixed(1)} min`,
      megabytes(median(rss)),
      megabytes(maximum(rss)),
      milliseconds(median(slice.map(({ typicalMs }) => typicalMs))),
      milliseconds(median(slice.map(({ delayMs }) => delayMs))),
      milliseconds(maximum(slice.map(({ delayMs }) => delayMs))),
    ];
  });
  const head = ['that worker from', 'RSS median', 'max', 'loop delay usual', 'longest, median', 'max'];
  return table([head, ...rows]);
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function spread(values: readonly number[], show: (value: number | undefined) => string): string {
  if (values.length === 0) return '–';
  return `${show(median(values))} (median), ${show(maximum(values))} (longest)`;
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

function maximum(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((a, b) => Math.max(a, b));
}

function megabytes(bytes: number | undefined): string {
  return bytes === undefined ? '–' : `${Math.round(bytes / MB)} MB`;
}

function milliseconds(ms: number | undefined): string {
  return ms === undefined ? '–' : `${Math.round(ms)} ms`;
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? '–' : `${(ms / 1_000).toFixed(1)} s`;
}
