import { sorted } from './outbox.ts';

/** One series of a scrape. */
interface Sample {
  /** Of a histogram with `_bucket`, `_sum` or `_count`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

export interface Scrape {
  readonly families: readonly Family[];
  /** Of the one series with these labels; undefined: there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
  /** Its labels' values joined by a blank, with the value. */
  series(name: string): Readonly<Record<string, number>>;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const TYPES = new Set(['counter', 'gauge', 'histogram']);
const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;
const ENDINGS = ['_bucket', '_sum', '_count'];

/**
 * Reads Prometheus's text format, strictly: each family has its HELP and TYPE, once and before its series; no series
 * comes twice; counters end in `_total`; the buckets of a histogram grow and end with its count.
 */
export function parseScrape(text: string): Scrape {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, { name: string; help: string; type: string; samples: Sample[] }>();
  const seen = new Set<string>();
  let current: { name: string; help: string; type: string; samples: Sample[] } | undefined;
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [, word, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (word === 'HELP') {
      if (!NAME.test(name) || families.has(name)) throw new Error(`a second or wrong HELP: ${line}`);
      current = { name, help: rest, type: '', samples: [] };
      families.set(name, current);
    } else if (word === 'TYPE') {
      if (current?.name !== name || !TYPES.has(rest)) throw new Error(`a TYPE out of place: ${line}`);
      current.type = rest;
    } else {
      const sample = sampleOf(line);
      const key = `${sample.name} ${keyOf(sample.labels)}`;
      if (seen.has(key)) throw new Error(`twice: ${line}`);
      seen.add(key);
      if (current === undefined || !belongs(sample.name, current)) throw new Error(`of no family: ${line}`);
      current.samples.push(sample);
    }
  }
  const all = [...families.values()];
  for (const family of all) checkFamily(family);
  return scrapeOf(all);
}

function sampleOf(line: string): Sample {
  const [, name = '', inner = '', number = ''] = LINE.exec(line) ?? [];
  const value = number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number);
  if (name === '' || number === '' || Number.isNaN(value)) throw new Error(`no series: ${line}`);
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  let end = 0;
  for (let found = LABEL.exec(inner); found; found = LABEL.exec(inner)) {
    const [, label = '', text = ''] = found;
    if (Object.hasOwn(labels, label)) throw new Error(`a label twice: ${line}`);
    labels[label] = text.replaceAll(/\\(.)/g, (_, one: string) => (one === 'n' ? '\n' : one));
    end = LABEL.lastIndex;
  }
  if (end !== inner.length) throw new Error(`labels that can't be read: ${line}`);
  return { name, labels, value };
}

/** The same whatever their order. */
function keyOf(labels: Sample['labels']): string {
  return JSON.stringify(sorted(Object.entries(labels).map(([name, value]) => JSON.stringify([name, value]))));
}

function belongs(name: string, { name: family, type }: Family): boolean {
  if (type !== 'histogram') return name === family;
  return ENDINGS.some((ending) => name === `${family}${ending}`);
}

function checkFamily({ name, help, type, samples }: Family): void {
  if (type === '' || help === '') throw new Error(`${name} has no type or help`);
  if ((type === 'counter') !== name.endsWith('_total')) throw new Error(`${name} is a ${type}`);
  if (type !== 'gauge' && samples.some(({ value }) => value < 0)) throw new Error(`${name} is below 0`);
  if (type === 'histogram') checkHistogram(name, samples);
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const last = new Map<string, number>();
  for (const { name: line, labels, value } of samples) {
    const { le, ...others } = labels;
    const key = JSON.stringify(others);
    if (line.endsWith('_bucket')) {
      if (le === undefined || value < (last.get(key) ?? 0)) throw new Error(`${name}: buckets that shrink`);
      last.set(key, value);
    } else if (line.endsWith('_count') && last.get(key) !== value) {
      throw new Error(`${name}: its count is not that of +Inf`);
    }
  }
}

function scrapeOf(families: readonly Family[]): Scrape {
  const named = (name: string) =>
    families.flatMap(({ samples }) => samples).filter((sample) => sample.name === name);
  return {
    families,
    value(name, labels = {}) {
      const wanted = keyOf(labels);
      return named(name).find((one) => keyOf(one.labels) === wanted)?.value;
    },
    series: (name) =>
      Object.fromEntries(named(name).map(({ labels, value }) => [Object.values(labels).join(' '), value])),
  };
}

/** A scrape as Prometheus makes it. */
export async function scrape(
  url: string,
  login?: { readonly user: string; readonly password: string },
): Promise<Scrape> {
  const headers = login && {
    authorization: `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`,
  };
  const answer = await fetch(url, headers && { headers });
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}`);
  if (answer.headers.get('content-type') !== 'text/plain; version=0.0.4; charset=utf-8')
    throw new Error(`content type ${answer.headers.get('content-type')}`);
  return parseScrape(await answer.text());
}
