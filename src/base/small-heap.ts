import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 collect its garbage rather than ask the machine for more memory: by default a file of any size takes
 * as much of it as a young heap of 3 x 16 MB and an old one of four times what is in use (at Node 24: 280 MB),
 * on a till that has other things to do. Hints on when to collect, not limits: a payload of 10 MB gets what it
 * needs. To be called before much is loaded.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  collectAfterGrowthOf(20);
  // The last of its three compilers takes 10 MB from Node 24 on, for a tenth of the time. Before it needs less.
  if (Number.parseInt(process.versions.node, 10) >= 24) setFlagsFromString('--no-opt');
}

/**
 * The same for its old heap alone, in a process that works all day: left to itself it lets garbage of one catalog grow
 * to three times what is in use. Costs nothing that a bench of sales could tell.
 */
export function keepOldHeapSmall(): void {
  collectAfterGrowthOf(30);
}

function collectAfterGrowthOf(percent: number): void {
  setFlagsFromString(`--heap-growing-percent=${percent}`);
}
