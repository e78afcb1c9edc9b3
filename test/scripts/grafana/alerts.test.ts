import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  type AlertRule,
  type Course,
  complaintsOf,
  differencesIn,
  hasProgram,
  minutesOf,
  type Received,
  RULES,
  RULES_PATH,
  type Target,
  titleWith,
} from '../../support/alert-rules.ts';
import { parseScrape, type Scrape } from '../../support/prometheus.ts';
import { unknownNames } from '../../support/promql.ts';
import { type MetricsProcess, metricsWhileWell, PROCESSES } from '../../support/registries.ts';
import { type Change, FAULTS, type Fault, INSTANCES } from './faults.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
let well: Record<MetricsProcess, Scrape>;

beforeAll(async () => {
  const texts = await metricsWhileWell();
  well = {
    worker: parseScrape(texts.worker),
    relay: parseScrape(texts.relay),
    intake: parseScrape(texts.intake),
    dashboard: changed(parseScrape(texts.dashboard), [
      // Nobody is registered in that Redis.
      ['dashboard', 'conexxus_sync_fleet_workers', 1, { state: 'alive' }],
    ]),
  };
});

/** Longer than any rule waits. */
const WELL_MINUTES = 65;

function courseOf({ alert, for: wait }: AlertRule, fault: Fault): Course {
  const { changes, summary, labels = {}, of, isOfNobody = false, also = {} } = fault;
  const after = PROCESSES.map((process) => targetOf(process, changes));
  const received: Received = {
    alert,
    labels: {
      ...(!isOfNobody && { job: `conexxus-sync-${of ?? 'dashboard'}` }),
      ...(of !== undefined && { instance: INSTANCES[of] }),
      ...labels,
    },
    summary,
  };
  const minutes = minutesOf(wait);
  return {
    phases: [
      { minutes: WELL_MINUTES, targets: PROCESSES.map((process) => targetOf(process, [])), firing: {} },
      ...(minutes > 0 ? [{ minutes, targets: after, firing: {} }] : []),
      { minutes: 1, targets: after, firing: { [alert]: 1, ...also } },
    ],
    received: [received],
  };
}

function targetOf(process: MetricsProcess, changes: readonly Change[]): Target {
  const own = changes.filter(([of]) => of === process);
  const isGone = own.some(([, name]) => name === undefined);
  return {
    job: `conexxus-sync-${process}`,
    instance: INSTANCES[process],
    scrape: isGone ? undefined : changed(well[process], own),
  };
}

/** @throws where there is no such series */
function changed(scrape: Scrape, changes: readonly Change[]): Scrape {
  let { families } = scrape;
  for (const [, name, value = null, labels = {}] of changes) {
    if (name === undefined || scrape.value(name, labels) === undefined) throw new Error(`no series ${name}`);
    families = families.map((family) => ({
      ...family,
      samples: family.samples.flatMap((sample) => {
        const isIt = sample.name === name && Object.entries(labels).every(([k, v]) => sample.labels[k] === v);
        if (!isIt) return [sample];
        return value === null ? [] : [{ ...sample, value }];
      }),
    }));
  }
  return { ...scrape, families };
}

describe('the alert rules', () => {
  it('have a name each, a severity, and a page of theirs that says what to do', () => {
    expect(new Set(RULES.map(({ alert }) => alert)).size).toBe(RULES.length);
    for (const { alert, labels, annotations } of RULES) {
      expect(labels.severity).toMatch(/^(?:warning|critical)$/);
      expect(annotations.description).toMatch(/\.$/);
      const [path = '', heading] = annotations.runbook_url.split('#');
      expect(heading).toBe(alert.toLowerCase());
      expect(existsSync(join(ROOT, path))).toBe(true);
      expect(readFileSync(join(ROOT, path), 'utf8')).toMatch(new RegExp(`^### ${alert}$`, 'm'));
    }
  });

  it('are all told of beside them, and no other is', () => {
    const text = readFileSync(join(dirname(RULES_PATH), 'README.md'), 'utf8');
    const told = [...text.matchAll(/^### (ConexxusSync\w+)$/gm)].map(([, alert]) => alert);
    expect(told).toEqual(RULES.map(({ alert }) => alert));
  });

  it('name only metrics, labels and values that are there', () => {
    const scrapes = PROCESSES.map((process) => well[process]);
    expect(
      RULES.flatMap(({ alert, expr }) => unknownNames(expr, scrapes).map((it) => `${alert}: ${it}`)),
    ).toEqual([]);
  });

  it('have a fault each in these tests', () => {
    expect(Object.keys(FAULTS)).toEqual(RULES.map(({ alert }) => alert));
  });
});

(hasProgram('promtool') ? describe : describe.skip)(titleWith('promtool', 'Prometheus'), () => {
  it('takes the rules', async () => {
    expect(await complaintsOf({ groups: [{ name: 'all', rules: RULES }] })).toBe('');
  });

  it.each(RULES.map((rule) => [rule.alert, rule] as const))(
    'fires %s for its fault once it has lasted, and nothing while all is well',
    async (alert, rule) => {
      const courses = (FAULTS[alert] ?? []).map((fault) => courseOf(rule, fault));
      expect(await differencesIn(courses)).toBe('');
    },
  );
});
