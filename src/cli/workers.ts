import type { Command } from 'commander';
import { loadConfig } from '../base/config/config.ts';
import { benchWords } from '../sync/report/circuit-words.ts';
import { createFleet } from '../sync/report/fleet.ts';
import { fromNow } from '../sync/report/time-words.ts';
import type { WorkerReport } from '../sync/report/worker-report.ts';
import { onlookerOptionsOf } from '../sync/settings.ts';
import { oneLine, table } from './table.ts';
import { withRedis } from './with-redis.ts';

const HEADINGS = ['name', 'version', 'started', 'busy', 'last outcome', 'state'];

export function registerWorkers(program: Command): void {
  program
    .command('workers')
    .description('list the workers that are there now')
    .option('--json', 'as JSON')
    .action(list);
}

async function list({ json = false }: { json?: boolean }): Promise<void> {
  const { redisUrl, namespace, circuit, events } = loadConfig('circuit');
  const { workers, now } = await withRedis(redisUrl, (redis) =>
    createFleet({ redis, namespace, ownOptions: onlookerOptionsOf(circuit, events.backlogMax) }).look(),
  );
  console.log(json ? JSON.stringify(workers) : workerLines(workers, now).join('\n'));
}

export function workerLines(workers: readonly WorkerReport[], now: number): string[] {
  if (workers.length === 0) return ['No worker is alive: sales wait until one is started.'];
  const rows = workers.map((worker) => [
    worker.name,
    worker.version,
    fromNow(worker.since, now),
    `${worker.busy} of ${worker.slots}`,
    worker.lastOutcome ? `${worker.lastOutcome.outcome} ${fromNow(worker.lastOutcome.at, now)}` : '-',
    stateOf(worker, now),
  ]);
  return table([HEADINGS, ...rows.map((row) => row.map(oneLine))]);
}

function stateOf({ benched, takesJobs }: WorkerReport, now: number): string {
  if (benched) return `benched ${fromNow(benched.since, now)}: ${benchWords(benched, now)}`;
  return takesJobs ? 'takes jobs' : 'takes no jobs: disabled, or told to stop';
}
