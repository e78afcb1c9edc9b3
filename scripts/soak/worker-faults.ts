import { last } from './dice.ts';
import type { Fault, Scene } from './faults.ts';
import type { SoakWorker } from './workers.ts';

/** Beyond the lock of a job, which is 6 seconds. */
const FREEZE_MS = [7_000, 10_000] as const;
/** Until what a worker had under way when it was thawed has come to its end. */
const AFTERMATH_MS = 4_000;

/** The last one is never killed: it shows what a process looks like that ran all the time. */
function mortals({ crew }: Scene): readonly SoakWorker[] {
  return crew.workers.slice(0, -1);
}

async function kill(workers: readonly SoakWorker[], { dice, unrest }: Scene, ending: AbortSignal) {
  await unrest.during(() => Promise.all(workers.map((worker) => worker.end('SIGKILL'))));
  await last(dice.between(0, 3_000), ending);
  for (const worker of workers) worker.start();
}

export const WORKER_FAULTS: readonly Fault[] = [
  {
    name: 'worker: SIGKILL, and started again',
    target: 'workers',
    strike: (scene, ending) => kill([scene.dice.pick(mortals(scene))], scene, ending),
  },
  {
    name: 'workers: SIGKILL, all but one',
    target: 'workers',
    strike: (scene, ending) => kill(mortals(scene), scene, ending),
  },
  {
    name: 'worker: frozen beyond its lock',
    target: 'workers',
    strike: async ({ crew, dice, unrest }, ending) => {
      const worker = dice.pick(crew.workers);
      await unrest.during(async () => {
        worker.signal('SIGSTOP');
        await last(dice.between(...FREEZE_MS), ending);
        worker.signal('SIGCONT');
        await last(AFTERMATH_MS, ending);
      });
    },
  },
  {
    name: 'worker: SIGTERM, and started again',
    target: 'workers',
    strike: async (scene) => {
      const worker = scene.dice.pick(mortals(scene));
      const { code } = await scene.unrest.during(() => worker.end('SIGTERM'));
      if (code !== 0) scene.blame(`${worker.name} ended with ${code ?? 'a signal'} on SIGTERM`);
      worker.start();
    },
  },
];
