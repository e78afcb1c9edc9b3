import { readFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { z } from 'zod';
import type { Figure } from './figure.ts';

/** One benchmark as it went. */
export interface Result {
  readonly name: string;
  /** Processes that ran or wanted to in the last minute, at its begin and its end: its own are among the latter. */
  readonly load: { readonly before: number; readonly after: number };
  readonly tookSeconds: number;
  readonly figures: readonly Figure[];
}

/** What the figures hold for. */
export interface Machine {
  readonly cpus: number;
  readonly cpu: string;
  readonly memoryMb: number;
  readonly system: string;
  /** Of Node, the servers and the packages that are compared. */
  readonly versions: Readonly<Record<string, string>>;
}

const PACKAGES = ['bullmq', 'ioredis', 'got', 'drizzle-orm', 'postgres', 'opossum', 'zod'];
const LOCK = new URL('../../package-lock.json', import.meta.url);
const lock = z.object({ packages: z.record(z.string(), z.looseObject({ version: z.string().optional() })) });

export async function describeMachine(servers: Readonly<Record<string, string>>): Promise<Machine> {
  const { packages } = lock.parse(JSON.parse(await readFile(LOCK, 'utf8')));
  const versions = PACKAGES.map((name) => [name, packages[`node_modules/${name}`]?.version ?? '']);
  return {
    cpus: cpus().length,
    cpu: cpus()[0]?.model ?? '',
    memoryMb: Math.round(totalmem() / 2 ** 20),
    system: `${process.platform} ${process.arch} ${release()}`,
    versions: { node: process.version, ...servers, ...Object.fromEntries(versions) },
  };
}

export function loadNow(): number {
  return loadavg()[0] ?? Number.NaN;
}

/** All there is to know of a run. A number that could not be measured is null. */
export function reportText(machine: Machine, results: readonly Result[]): string {
  return `${JSON.stringify({ machine, benchmarks: results }, null, 2)}\n`;
}

export async function writeReport(file: string, machine: Machine, results: readonly Result[]): Promise<void> {
  await writeFile(file, reportText(machine, results));
}
