import { IllegalMoveError } from '../../src/circuit/circuit.ts';
import { last } from './dice.ts';
import type { Fault, Scene } from './faults.ts';

const WORD = { actor: 'soak', reason: 'a soak test' };
/** BullMQ's own; the circuit's stamp is another. */
const PAUSED_BY_A_PERSON = '1';
/** By when the circuit must have paused again what a plain client resumed: 2 seconds, on a loaded machine. */
const PAUSED_AGAIN_MS = 5_000;

async function stampOf({ site: { redis, queue } }: Scene): Promise<string | null> {
  return redis.hget(queue.toKey('meta'), 'paused');
}

export const PEOPLE_FAULTS: readonly Fault[] = [
  {
    name: 'operator: pause and resume',
    target: 'people',
    strike: async (scene, ending) => {
      const { queue } = scene.site;
      await queue.pause();
      await last(1_000 * scene.dice.between(2, 6), ending);
      if ((await stampOf(scene)) !== PAUSED_BY_A_PERSON) scene.blame("a person's pause was lifted");
      await queue.resume();
    },
  },
  {
    name: 'operator: hold and release',
    target: 'people',
    strike: async ({ site: { circuit }, dice, blame }, ending) => {
      await circuit.operate('hold', WORD);
      await last(1_000 * dice.between(2, 6), ending);
      if ((await circuit.status()).hold === null) blame("a person's hold was lifted");
      // Where the answer was lost, the second asking is refused: it is done.
      await circuit.operate('release', WORD).catch((error: unknown) => {
        if (!(error instanceof IllegalMoveError)) throw error;
      });
    },
  },
  {
    name: 'operator: reset',
    target: 'people',
    strike: async ({ site: { circuit }, dice }, ending) => {
      for (let times = dice.between(1, 3); times > 0 && !ending.aborted; times -= 1) {
        await circuit.operate('reset', WORD);
        await last(dice.between(200, 2_000), ending);
      }
    },
  },
  {
    name: 'plain client: resumes while open',
    target: 'people',
    alone: true,
    strike: async (scene, ending) => {
      const { simulator, queue } = scene.site;
      await simulator.setMode(503);
      await until(async () => (await stampOf(scene)) !== null, ending);
      for (let times = scene.dice.between(1, 3); times > 0 && !ending.aborted; times -= 1) {
        await queue.resume();
        if (!(await until(async () => (await stampOf(scene)) !== null, ending))) {
          if (!ending.aborted) scene.blame('the circuit did not pause again what a plain client resumed');
        }
      }
      await simulator.setMode('ok');
    },
  },
];

/** Whether it held within the time. */
async function until(holds: () => Promise<boolean>, ending: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + PAUSED_AGAIN_MS;
  while (performance.now() < deadline && !ending.aborted) {
    if (await holds()) return true;
    await last(20, ending);
  }
  return false;
}
