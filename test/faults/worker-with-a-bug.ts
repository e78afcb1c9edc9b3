/**
 * The worker with a bug: it throws when it has written a sale of the location `poison` to send it; with
 * `BUG_BITES=every` a sale of any location, as a bad release does. The client turns every error that it
 * foresees into an outcome; this one comes where it foresees none.
 */
const stringify = JSON.stringify.bind(JSON);
const now = performance.now.bind(performance);
const bitesEvery = process.env['BUG_BITES'] === 'every';
let bitten = false;

Reflect.set(JSON, 'stringify', (value: unknown, ...rest: []) => {
  const location: unknown = typeof value === 'object' && value !== null && Reflect.get(value, 'locationId');
  const isPoison = bitesEvery ? typeof location === 'string' : location === 'poison';
  if (isPoison && new Error().stack?.includes('writePost') === true) bitten = true;
  return stringify(value, ...rest);
});
performance.now = () => {
  if (!bitten) return now();
  bitten = false;
  throw new TypeError('a bug of ours');
};
await import('../../src/worker.ts');
