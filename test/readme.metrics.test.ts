import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parseScrape } from './support/prometheus.ts';
import { type MetricsProcess, metricsWhileWell, PROCESSES } from './support/registries.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** Name, type, labels and process of each line. */
function documented(): string[] {
  const rows = readme.matchAll(/^\| `((?:conexxus_sync|process)_\w+)` \| (\w+) \| ([\w, ]*)\| (\w+) \|/gm);
  return [...rows].flatMap(([, name, type, labels = '', of = '']) =>
    (of === 'all' ? PROCESSES : [of]).map((process) => `${process} ${name} ${type} ${labels.trim()}`),
  );
}

/** As the process itself tells them. */
function told(process: MetricsProcess, text: string): string[] {
  const labelsOf = [...text.matchAll(/^(\w+)\{(.*)\} /gm)].map(
    ([, name = '', inner = '']) => [name, [...inner.matchAll(/(\w+)="/g)].map(([, label]) => label)] as const,
  );
  return parseScrape(text).families.map(({ name, type }) => {
    const own = labelsOf
      .filter(([of]) => of === name || of === `${name}_count`)
      .flatMap(([, labels]) => labels);
    return `${process} ${name} ${type} ${[...new Set(own)].join(', ')}`;
  });
}

describe('the table of the metrics in the README', () => {
  it('has every metric of every process with its type and labels, and no other', async () => {
    const texts = await metricsWhileWell();
    const all = PROCESSES.flatMap((process) => told(process, texts[process]));
    expect(all.toSorted()).toEqual(documented().toSorted());
  });
});
