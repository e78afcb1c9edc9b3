import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { freePort } from '../../scripts/services/machine.ts';
import { hasProgram, RULES, RULES_PATH, titleWith } from '../support/alert-rules.ts';
import { eventually } from '../support/eventually.ts';
import { QUERIES } from '../support/grafana.ts';
import { aSale, ringUp } from '../support/outbox.ts';
import { startCommand } from '../support/process.ts';
import { makeSales } from '../support/sales.ts';
import { type AlertStand, startAlertStand, untilWell, VIEWER, type Watched } from './alert-stand.ts';
import { aTill, STORE, startIntake, tokenOf } from './intake-stand.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

const configSchema = z.object({
  rule_files: z.array(z.string()),
  scrape_configs: z.array(
    z.object({
      job_name: z.string(),
      basic_auth: z.object({ username: z.string(), password_file: z.string() }).optional(),
      static_configs: z.array(z.object({ targets: z.array(z.string()) })),
    }),
  ),
});
const answerSchema = z.object({ status: z.literal('success'), data: z.unknown() });
const targetsSchema = z.object({
  activeTargets: z.array(
    z.object({ scrapePool: z.string(), health: z.string(), lastError: z.string(), scrapeUrl: z.string() }),
  ),
});
const rulesSchema = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ name: z.string(), health: z.string() })) })),
});
const resultSchema = z.object({ result: z.array(z.unknown()) });

let folder: string;
let stand: AlertStand;
let stop: () => Promise<unknown>;
let intake: Awaited<ReturnType<typeof startIntake>>;

type Scraped = Pick<Watched, 'instance'>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conexxus-sync-prometheus-'));
});

afterEach(async () => {
  await stop();
  await intake.intake.stop();
  await stand.close();
  await rm(folder, { recursive: true });
});

/** The README's own, pointed at what runs here. */
async function configFor(dashboard: Scraped, others: readonly Scraped[], password: string): Promise<string> {
  const [, fragment = ''] = /^```yaml\n(rule_files:[\s\S]*?)^```$/m.exec(readme) ?? [];
  const { scrape_configs: configs } = configSchema.parse(parse(fragment));
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, password);
  const pointed = configs.map((config) => ({
    ...config,
    ...(config.basic_auth && {
      basic_auth: { username: config.basic_auth.username, password_file: passwordFile },
    }),
    static_configs: [
      {
        targets: (config.job_name.endsWith('dashboard') ? [dashboard] : others).map(
          ({ instance }) => instance,
        ),
      },
    ],
  }));
  const path = join(folder, 'prometheus.yml');
  const global = { scrape_interval: '1s', evaluation_interval: '1s' };
  await writeFile(path, JSON.stringify({ global, rule_files: [RULES_PATH], scrape_configs: pointed }));
  return path;
}

/** A Prometheus of this test's own; what its API answers. */
async function startPrometheus(config: string) {
  const port = await freePort();
  const prometheus = startCommand(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    {},
  );
  stop = () => prometheus.stop();
  return async (path: string): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`);
    return answerSchema.parse(await answer.json()).data;
  };
}

async function startWatched(): Promise<[dashboard: Scraped, others: Scraped[]]> {
  stand = await startAlertStand();
  const dashboard = await stand.watchDashboard();
  const others: Scraped[] = [await stand.watchWorker(), await stand.watchRelay()];
  await untilWell(stand, { relays: 1 });
  const port = String(await freePort());
  intake = await startIntake(stand, { INTAKE_HEALTH_PORT: port });
  others.push({ instance: `127.0.0.1:${port}` });
  return [dashboard, others];
}

(hasProgram('prometheus') ? describe : describe.skip)(titleWith('prometheus', 'a real Prometheus'), () => {
  it("logs in as the README says, takes the rules, and has an answer to the dashboard's queries", async () => {
    const [dashboard, others] = await startWatched();
    const ask = await startPrometheus(await configFor(dashboard, others, VIEWER.password));
    await eventually(async () => {
      const { activeTargets } = targetsSchema.parse(await ask('targets'));
      expect(activeTargets.map(({ health, lastError }) => [health, lastError])).toEqual([
        ['up', ''],
        ['up', ''],
        ['up', ''],
        ['up', ''],
      ]);
    }, 30_000);
    await eventually(async () => {
      const { groups } = rulesSchema.parse(await ask('rules'));
      const rules = groups.flatMap((group) => group.rules);
      expect(rules.map(({ name }) => name).toSorted()).toEqual(RULES.map(({ alert }) => alert).toSorted());
      expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
    }, 30_000);
    await stand.enqueue(makeSales(20));
    await ringUp(stand.till, aSale('T-1'));
    const [sale] = makeSales(1, 'posted');
    expect(await aTill(intake.url, await tokenOf(stand)).post({ ...sale, locationId: STORE })).toMatchObject({
      status: 202,
    });
    await stand.untilSettled();

    const answers = async (expr: string) => {
      const data = await ask(`query?query=${encodeURIComponent(expr)}`);
      return resultSchema.parse(data).result.length;
    };
    // What shows only what went wrong is empty now.
    const expected = QUERIES.filter(({ expr }) => !/ > 0$|^ALERTS/.test(expr));
    expect(expected.length).toBeGreaterThan(40);
    await eventually(async () => {
      const counts = await Promise.all(expected.map(({ expr }) => answers(expr)));
      expect(expected.filter((_, n) => counts[n] === 0)).toEqual([]);
    }, 60_000);
  });

  it('is refused with another password, and told so', async () => {
    const [dashboard, others] = await startWatched();
    const ask = await startPrometheus(await configFor(dashboard, others, 'of yesterday'));
    await eventually(async () => {
      const { activeTargets } = targetsSchema.parse(await ask('targets'));
      const target = activeTargets.find(({ scrapePool }) => scrapePool === 'conexxus-sync-dashboard');
      expect(target).toMatchObject({ health: 'down', lastError: expect.stringMatching(/HTTP status 4/) });
    }, 30_000);
  });
});
