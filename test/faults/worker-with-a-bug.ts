/**
 * The worker with a bug: it throws when it is about to send a sale of the location `poison`; with `BUG_BITES=every` a
 * sale of any location, as a bad release does. The client turns every error that it foresees into an outcome; this one
 * comes where it foresees none.
 */
import http from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { canonicalJson, syncKeyOf } from '../../src/sync/jobs/sync-key.ts';

const stringify = JSON.stringify.bind(JSON);
const validate = http.validateHeaderValue;
const now = performance.now.bind(performance);
const bitesEvery = process.env['BUG_BITES'] === 'every';
/** Of sales of the location. */
const poisonedKeys = new Set<string>();
let bitten = false;

Reflect.set(JSON, 'stringify', (value: unknown, ...rest: []) => {
  const location: unknown = typeof value === 'object' && value !== null && Reflect.get(value, 'locationId');
  if (location === 'poison') poisonedKeys.add(syncKeyOf(canonicalJson(value)));
  return stringify(value, ...rest);
});
// The client's last look at a sale, ahead of the clock, which it reads at once.
http.validateHeaderValue = (name, value) => {
  validate(name, value);
  if (name === 'Idempotency-Key' && (bitesEvery || poisonedKeys.has(value))) bitten = true;
};
syncBuiltinESMExports();
performance.now = () => {
  if (!bitten) return now();
  bitten = false;
  throw new TypeError('a bug of ours');
};
await import('../../src/worker.ts');
