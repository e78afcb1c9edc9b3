import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { errorMessage } from '../../src/base/errors.ts';
import type { Scrape } from './prometheus.ts';

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: string };
  readonly annotations: {
    readonly summary: string;
    readonly description: string;
    readonly runbook_url: string;
  };
}

/** What Prometheus scrapes, as one minute shows it; without a scrape it does not answer. */
export interface Target {
  readonly job: string;
  readonly instance: string;
  readonly scrape: Scrape | undefined;
}

/** Minutes in which every scrape shows the same, and what fires at their end. */
interface Phase {
  readonly minutes: number;
  readonly targets: readonly Target[];
  /** How many of each alert; no other may fire. */
  readonly firing: Readonly<Record<string, number>>;
}

/** An alert as its receiver gets it. */
export interface Received {
  readonly alert: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
}

export interface Course {
  readonly phases: readonly Phase[];
  /** At the very end. */
  readonly received?: readonly Received[];
}

export const RULES_PATH = fileURLToPath(new URL('../../scripts/grafana/alerts.yml', import.meta.url));
const RULES_FILE: { groups: readonly { name: string; rules: readonly AlertRule[] }[] } = parse(
  readFileSync(RULES_PATH, 'utf8'),
);
export const RULES = RULES_FILE.groups.flatMap(({ rules }) => rules);

const FIRING = 'count by (alertname) (ALERTS{alertstate="firing"})';
const MINUTES: Readonly<Record<string, number>> = { m: 1, h: 60 };
const OUTPUT_MAX_BYTES = 64 * 1024 * 1024;

/** Whether this machine has that program of Debian's package `prometheus`. */
export function hasProgram(name: 'promtool' | 'prometheus'): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)));
}

/** The title of what only Prometheus's own tool can tell. */
export function titleWith(name: 'promtool' | 'prometheus', title: string): string {
  return hasProgram(name) ? title : `${title} (skipped: no ${name}; install Debian's package prometheus)`;
}

export function minutesOf(duration: string): number {
  const [, count = '', unit = ''] = /^(\d+)([mh])$/.exec(duration) ?? [];
  const minutes = MINUTES[unit];
  if (minutes === undefined) throw new Error(`no duration of this test: ${duration}`);
  return Number(count) * minutes;
}

/** Has promtool evaluate the rules minute by minute; what it says where they fire otherwise than expected, else ''. */
export async function differencesIn(courses: readonly Course[]): Promise<string> {
  return promtool('test', {
    rule_files: [RULES_PATH],
    evaluation_interval: '1m',
    tests: courses.map(testOf),
  });
}

/** What promtool finds wrong with such a file of rules, else ''. */
export async function complaintsOf(rules: object): Promise<string> {
  return promtool('check', rules);
}

async function promtool(command: 'test' | 'check', content: object): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'conexxus-sync-rules-'));
  const path = join(folder, 'rules.yml');
  try {
    // JSON is YAML.
    await writeFile(path, JSON.stringify(content));
    await promisify(execFile)('promtool', [command, 'rules', path], { maxBuffer: OUTPUT_MAX_BYTES });
    return '';
  } catch (error) {
    // With what it wrote to stderr.
    return errorMessage(error);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function testOf({ phases, received = [] }: Course): object {
  let end = -1;
  const ends = phases.map(({ minutes, firing }) => {
    end += minutes;
    return { end, firing };
  });
  return {
    interval: '1m',
    input_series: seriesOf(phases),
    promql_expr_test: ends.map(({ end: at, firing }) => ({
      expr: FIRING,
      eval_time: `${at}m`,
      exp_samples: Object.entries(firing).map(([alertname, value]) => ({
        labels: `{alertname="${alertname}"}`,
        value,
      })),
    })),
    alert_rule_test: [...new Set(received.map(({ alert }) => alert))].map((alertname) => ({
      eval_time: `${end}m`,
      alertname,
      exp_alerts: received.filter(({ alert }) => alert === alertname).map(expectedOf),
    })),
  };
}

function expectedOf({ alert, labels, summary }: Received): object {
  const rule = RULES.find((one) => one.alert === alert);
  if (rule === undefined) throw new Error(`no rule ${alert}`);
  return {
    exp_labels: { ...rule.labels, ...labels },
    exp_annotations: { ...rule.annotations, summary },
  };
}

/** Every series of every phase, minute by minute; one that is missing ends, as Prometheus has it. */
function seriesOf(phases: readonly Phase[]): { series: string; values: string }[] {
  const byPhase = phases.map(({ targets }) => samplesOf(targets));
  const names = new Set(byPhase.flatMap((samples) => [...samples.keys()]));
  return [...names].map((series) => ({
    series,
    values: phases
      .map(({ minutes }, n) => {
        const value = byPhase[n]?.get(series);
        const one = value === undefined ? 'stale' : String(value);
        return Array<string>(minutes).fill(one).join(' ');
      })
      .join(' '),
  }));
}

function samplesOf(targets: readonly Target[]): Map<string, number> {
  const samples = new Map<string, number>();
  for (const { job, instance, scrape } of targets) {
    samples.set(seriesName('up', { job, instance }), scrape === undefined ? 0 : 1);
    for (const sample of scrape?.families.flatMap((family) => family.samples) ?? [])
      samples.set(seriesName(sample.name, { ...sample.labels, job, instance }), sample.value);
  }
  return samples;
}

function seriesName(name: string, labels: Readonly<Record<string, string>>): string {
  return `${name}{${Object.entries(labels)
    .map(([label, value]) => `${label}=${JSON.stringify(value)}`)
    .join(',')}}`;
}
