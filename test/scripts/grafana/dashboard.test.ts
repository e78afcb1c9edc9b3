import { beforeAll, describe, expect, it } from '@jest/globals';
import { complaintsOf, hasProgram, titleWith } from '../../support/alert-rules.ts';
import { DASHBOARD, QUERIES, withoutVariables } from '../../support/grafana.ts';
import { parseScrape, type Scrape } from '../../support/prometheus.ts';
import { unknownNames } from '../../support/promql.ts';
import { metricsWhileWell } from '../../support/registries.ts';

let well: readonly Scrape[];

beforeAll(async () => {
  well = Object.values(await metricsWhileWell()).map(parseScrape);
});

const ANNOTATIONS = DASHBOARD.annotations.list.map(({ expr }) => withoutVariables(expr));

describe('the dashboard for Grafana', () => {
  it('lets its reader choose the Prometheus, which every panel asks', () => {
    expect(DASHBOARD.templating.list[0]).toMatchObject({
      name: 'datasource',
      type: 'datasource',
      query: 'prometheus',
    });
    const asked = [
      ...DASHBOARD.panels.flatMap(({ datasource, targets }) => [
        datasource,
        ...targets.map((target) => target.datasource),
      ]),
      ...DASHBOARD.annotations.list.map(({ datasource }) => datasource),
    ].filter((one) => one !== undefined);
    expect(asked.length).toBeGreaterThan(80);
    for (const one of asked) expect(one).toEqual({ type: 'prometheus', uid: `\${datasource}` });
    const variables = new Set(DASHBOARD.templating.list.map(({ name }) => name));
    const used = JSON.stringify(DASHBOARD).matchAll(/\$\{?(?!__)(\w+)/g);
    expect([...used].map(([, name = '']) => name).filter((name) => !variables.has(name))).toEqual([]);
  });

  it('has room for each panel, and a name for each query', () => {
    const { panels } = DASHBOARD;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) => {
      expect(x + w).toBeLessThanOrEqual(24);
      return Array.from({ length: w * h }, (_, n) => `${x + (n % w)} ${y + Math.floor(n / w)}`);
    });
    expect(new Set(cells).size).toBe(cells.length);
    for (const { targets } of panels)
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
  });

  it('asks only for metrics, labels and values that are there', () => {
    const asked = [...QUERIES.map(({ expr }) => expr), ...ANNOTATIONS];
    expect(asked.flatMap((expr) => unknownNames(expr, well))).toEqual([]);
    const labels = new Set(
      well.flatMap(({ families }) =>
        families.flatMap(({ samples }) => samples.flatMap((one) => Object.keys(one.labels))),
      ),
    );
    const legends = QUERIES.flatMap(({ legendFormat }) => [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)]);
    expect(
      legends.map(([, label = '']) => label).filter((one) => one !== 'instance' && !labels.has(one)),
    ).toEqual([]);
  });

  it('shows every metric, but what a worker sees of the circuit, which the fleet tells better', () => {
    const seen = new Set(QUERIES.flatMap(({ expr }) => [...expr.matchAll(/\w+/g)].map(([word]) => word)));
    const names = new Set(well.flatMap(({ families }) => families.map(({ name }) => name)));
    const unseen = [...names].filter((name) => !seen.has(name) && !seen.has(`${name}_bucket`));
    expect(unseen.toSorted()).toEqual([
      'conexxus_sync_circuit_state',
      'conexxus_sync_concurrency_limit',
      'conexxus_sync_queue_paused',
    ]);
  });
});

describe('the metrics', () => {
  it('have no label that Prometheus has of its own, and would rename', () => {
    const labels = well.flatMap(({ families }) =>
      families.flatMap(({ samples }) => samples.flatMap((one) => Object.keys(one.labels))),
    );
    expect(labels.filter((label) => label === 'job' || label === 'instance')).toEqual([]);
  });
});

(hasProgram('promtool') ? describe : describe.skip)(titleWith('promtool', 'Prometheus'), () => {
  it('understands every query of the dashboard', async () => {
    const rules = [...QUERIES.map(({ expr }) => expr), ...ANNOTATIONS].map((expr, n) => ({
      record: `query:${n}`,
      expr,
    }));
    expect(await complaintsOf({ groups: [{ name: 'queries', rules }] })).toBe('');
  });
});
