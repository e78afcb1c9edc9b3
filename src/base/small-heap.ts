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

let works = 0;

/**
 * The same for the old heap alone, while `work` lasts: left to itself it lets garbage of one catalog grow to three times
 * what is in use. Not for longer: it costs a process that has much to do a sixth of its time.
 */
export async function withSmallOldHeap<Result>(work: () => Promise<Result>): Promise<Result> {
  works += 1;
  collectAfterGrowthOf(30);
  try {
    return await work();
  } finally {
    works -= 1;
    if (works === 0) collectAfterGrowthOf(BY_ITSELF);
  }
}

/** V8 reckons it from how fast its garbage grows. */
const BY_ITSELF = 0;

function collectAfterGrowthOf(percent: number): void {
  setFlagsFromString(`--heap-growing-percent=${percent}`);
}
