/** The worker on a machine whose clock is an hour ahead. Timers run on another clock and are right. */
const AHEAD_MS = 3_600_000;

const now = Date.now.bind(Date);
Date.now = () => now() + AHEAD_MS;
globalThis.Date = new Proxy(Date, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [Date.now()] : args, newTarget),
});
await import('../../src/worker.ts');
