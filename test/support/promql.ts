import type { Scrape } from './prometheus.ts';

/** Prometheus's own of every target. */
const OWN_LABELS = new Set(['job', 'instance', 'alertname', 'alertstate']);
const OWN_METRICS = new Set(['up', 'ALERTS']);
const METRIC = /(?<![\w"])((?:conexxus_sync|process)_\w+|up|ALERTS)\b(?!\s*\()\s*(?:\{([^}]*)\})?/g;
const MATCHER = /(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"/g;
const GROUPING = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;

/** What an expression names that none of these scrapes shows: metrics, labels, and values of labels. */
export function unknownNames(expr: string, scrapes: readonly Scrape[]): string[] {
  const unknown: string[] = [];
  const used = new Set<string>();
  for (const [, name = '', matchers = ''] of expr.matchAll(METRIC)) {
    const values = valuesOf(name, scrapes);
    if (values === undefined) unknown.push(name);
    else unknown.push(...unknownMatchers(name, matchers, values));
    for (const label of values?.keys() ?? []) used.add(label);
  }
  for (const [, inner = ''] of expr.matchAll(GROUPING)) {
    const labels = inner.split(',').map((label) => label.trim());
    const foreign = labels.filter((label) => label !== '' && !OWN_LABELS.has(label) && !used.has(label));
    unknown.push(...foreign.map((label) => `a label ${label}`));
  }
  return unknown;
}

/** The values of each label of a metric; undefined: there is none of that name. */
function valuesOf(name: string, scrapes: readonly Scrape[]): Map<string, Set<string>> | undefined {
  const values = new Map<string, Set<string>>();
  if (OWN_METRICS.has(name)) return values;
  const samples = scrapes
    .flatMap(({ families }) => families)
    .flatMap((family) => family.samples)
    .filter((sample) => sample.name === name);
  for (const { labels } of samples) {
    for (const [label, value] of Object.entries(labels))
      values.set(label, (values.get(label) ?? new Set()).add(value));
  }
  return samples.length === 0 ? undefined : values;
}

function unknownMatchers(
  name: string,
  matchers: string,
  values: ReadonlyMap<string, ReadonlySet<string>>,
): string[] {
  return [...matchers.matchAll(MATCHER)].flatMap(([, label = '', operator = '', text = '']) => {
    if (OWN_LABELS.has(label)) return [];
    const known = values.get(label);
    if (known === undefined) return [`${name} has no label ${label}`];
    const wanted = operator.endsWith('~') ? text.split('|') : [text];
    return wanted.filter((one) => !known.has(one)).map((one) => `${name} has no ${label} ${one}`);
  });
}
