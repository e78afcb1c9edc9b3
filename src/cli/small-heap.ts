import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 collect its garbage rather than ask the machine for more memory: by default a file of any size takes
 * as much of it as a young heap of 3 x 16 MB and an old one of four times what is in use (at Node 24: 280 MB),
 * on a till that has other things to do. Hints on when to collect, not limits: a payload of 10 MB gets what it
 * needs. To be called before much is loaded.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=20');
  // The last of its three compilers takes 10 MB from Node 24 on, for a tenth of the time. Before it needs less.
  if (Number.parseInt(process.versions.node, 10) >= 24) setFlagsFromString('--no-opt');
}
