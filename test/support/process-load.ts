import { readFile } from 'node:fs/promises';

/** Linux tells it in hundredths of a second, whatever the machine. */
const TICKS_PER_SECOND = 100;

/** What a process has used of the machine. */
export interface ProcessLoad {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

/** From /proc: Linux only. */
export async function processLoad(pid: number): Promise<ProcessLoad> {
  const [stat, status] = await Promise.all(
    ['stat', 'status'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8')),
  );
  // The name, second of the fields, is in brackets and may hold spaces.
  const fields = (stat ?? '').slice((stat ?? '').lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const rss = /^VmRSS:\s+(\d+) kB/m.exec(status ?? '')?.[1];
  return { cpuSeconds: ticks / TICKS_PER_SECOND, rssBytes: Number(rss) * 1_024 };
}
