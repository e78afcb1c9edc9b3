import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';

/** The relay; after SIGUSR2 its loop throws where it waits for its next step, as a bug of ours would. */
const wait = timers.setTimeout;
let bites = false;
process.on('SIGUSR2', () => {
  bites = true;
});
Reflect.set(timers, 'setTimeout', (...args: Parameters<typeof wait>) => {
  if (bites) throw new Error('a bug');
  return wait(...args);
});
syncBuiltinESMExports();
await import('../../src/relay.ts');
