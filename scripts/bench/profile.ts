/**
 * Where the time went, from `.cpuprofile` files of one side: `npx tsx scripts/bench/profile.ts --jobs 4800 FILE…`.
 * `npm run bench -- --profile FOLDER --only throughput` writes such files, and prints this of all sides at once.
 */
import { parseArgs } from 'node:util';
import { spentTables, timesOf } from './profile/spent.ts';

const { values, positionals } = parseArgs({
  options: { jobs: { type: 'string', default: '1' } },
  allowPositionals: true,
});
console.log(
  spentTables(positionals[0] ?? '', new Map([['spent', await timesOf(positionals, Number(values.jobs))]])),
);
