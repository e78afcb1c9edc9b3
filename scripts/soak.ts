/**
 * `npm run soak -- --minutes N [--sales FILE.jsonl] [--seed S]`: load with random faults of the matrix against
 * four worker processes. Each minute all faults are lifted and the books compared. Ends with a report of one
 * page; exit code 1 on any imbalance. Ctrl-C ends it early, with the report.
 */
import { createLifecycle, type Lifecycle, runProcess, untilSignal } from '../src/base/lifecycle.ts';
import { createLogger } from '../src/base/logger.ts';
import { API_FAULTS } from './soak/api-faults.ts';
import { type Checked, check, clear } from './soak/check.ts';
import { createDice } from './soak/dice.ts';
import type { Scene } from './soak/faults.ts';
import { findLeftovers } from './soak/leftovers.ts';
import { type Accepted, enqueueUntil } from './soak/load.ts';
import { readOptions, type SoakOptions } from './soak/options.ts';
import { PEOPLE_FAULTS } from './soak/people-faults.ts';
import { describe } from './soak/report.ts';
import { endlessSales } from './soak/sales.ts';
import { openSite } from './soak/site.ts';
import { postgresFaults, REDIS_FAULTS } from './soak/store-faults.ts';
import { storm } from './soak/storm.ts';
import { addCheck, count, createTotals, type Totals } from './soak/totals.ts';
import { createUnrest } from './soak/unrest.ts';
import { WORKER_FAULTS } from './soak/worker-faults.ts';
import { startCrew } from './soak/workers.ts';

const WORKERS = 4;
const JOBS_PER_SECOND = 24;
/** With the faults that are then still at work, and the check, about a minute. */
const STORM_MS = 40_000;
const MINUTE_MS = 60_000;

const asIs = (text: string) => text;
await runProcess(main, asIs);

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const lifecycle = createLifecycle(createLogger({ level: 'error', redact: asIs, name: 'soak' }));
  const ending = new AbortController();
  void untilSignal().then(() => ending.abort());
  try {
    const balanced = await soak(options, lifecycle, ending.signal);
    if (!balanced) process.exitCode = 1;
  } finally {
    await lifecycle.close();
  }
}

/** Whether everything balanced. */
async function soak(options: SoakOptions, lifecycle: Lifecycle, ending: AbortSignal): Promise<boolean> {
  const totals = createTotals();
  const blame = (problem: string) => void totals.problems.push(`check ${totals.checks + 1}: ${problem}`);
  const site = await openSite(lifecycle, say);
  const crew = startCrew(WORKERS, site.workerEnv, blame);
  // Kept also where the soak itself broke down before its report.
  let keepLogs = true;
  lifecycle.acquire('workers', () => crew.stop(keepLogs), MINUTE_MS);
  const scene: Scene = { site, crew, dice: createDice(options.seed), unrest: createUnrest(), blame };
  const sales = endlessSales(options.salesFile);
  say(`${WORKERS} workers; seed ${options.seed}; logs of the workers in ${crew.logFolder}`);

  const startedAt = performance.now();
  const minutes = () => (performance.now() - startedAt) / MINUTE_MS;
  while (minutes() < options.minutes && !ending.aborted) {
    const before = totals.problems.length;
    const accepted = await batter(scene, sales, totals, ending);
    const checked = await check(site, accepted, scene.unrest.windows);
    addCheck(totals, accepted, checked);
    crew.note(`checked: ${checked.problems.join('; ') || 'balanced'}`);
    say(progress(minutes(), accepted, checked, totals.problems.slice(before)));
    await clear(site);
    scene.unrest.clear();
  }
  const ran = { options, minutes: minutes(), workers: crew.workers, totals };
  const leftKeys = await findLeftovers(site);
  if (leftKeys.length > 0) blame(`left in Redis: ${leftKeys.join(', ')}`);
  say(`\n${describe({ ...ran, leftKeys })}`);
  keepLogs = totals.problems.length > 0;
  if (keepLogs) say(`The logs of the workers stay in ${crew.logFolder}`);
  return !keepLogs;
}

/** Load and faults, most of a minute; the load ends after the last fault. */
async function batter(
  scene: Scene,
  sales: ReturnType<typeof endlessSales>,
  totals: Totals,
  ending: AbortSignal,
): Promise<Accepted> {
  const over = new AbortController();
  const loading = enqueueUntil(over.signal, scene.site.producer, sales, JOBS_PER_SECOND);
  const faults = [
    ...API_FAULTS,
    ...WORKER_FAULTS,
    ...REDIS_FAULTS,
    ...postgresFaults(scene.site.postgresServer),
    ...PEOPLE_FAULTS,
  ];
  const storming = storm(
    scene,
    {
      faults,
      lastsMs: STORM_MS,
      onStrike: ({ name }) => {
        count(totals.faults, name);
        scene.crew.note(`strikes: ${name}`);
      },
      onMiss: ({ name }, reason) => void totals.missed.set(name, reason),
      onLifted: ({ name }) => scene.crew.note(`lifted: ${name}`),
    },
    ending,
  );
  await storming.finally(() => over.abort());
  return loading;
}

function progress(
  minutes: number,
  { jobs }: Accepted,
  { calls, restAfterMs, sums }: Checked,
  problems: readonly string[],
): string {
  const verdict = problems.length === 0 ? 'balanced' : `NOT BALANCED: ${problems.join('; ')}`;
  return (
    `${minutes.toFixed(1).padStart(6)} min  ${jobs.size} jobs, ${calls} calls, ${sums.failedRows} failed attempts, ` +
    `${sums.deadLettered} dead letters, at rest after ${(restAfterMs / 1_000).toFixed(1)} s: ${verdict}`
  );
}

function say(line: string): void {
  console.log(line);
}
