import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';

/** The built relay, but that it looks for what is due all the time and not every ten seconds. */
const LOOK_EVERY_MS = 10_000;
const OFTEN_MS = 50;

const wait = timers.setTimeout;
Reflect.set(timers, 'setTimeout', (...[ms, ...more]: Parameters<typeof wait>) =>
  wait(ms === LOOK_EVERY_MS ? OFTEN_MS : ms, ...more),
);
syncBuiltinESMExports();
await import(new URL('../../dist/relay.js', import.meta.url).href);
