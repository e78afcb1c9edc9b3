import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Profiling } from '../sides/profiling.ts';
import { markdown } from '../table.ts';
import { COMPONENT_NAMES, componentOf } from './components.ts';
import { createPlaces } from './places.ts';
import { readProfile, selfTimes } from './profile.ts';

/** One round of a side whose processes were profiled, and how many jobs that was. */
export interface Spent {
  readonly side: string;
  readonly jobs: number;
  readonly profiling: Profiling;
}

/** µs a job, by place (see places.ts). */
export type SideTimes = ReadonlyMap<string, number>;

const PLACES_SHOWN = 30;

/** Prints where the time of all these rounds went, by component and by place. */
export async function showSpent(title: string, rounds: readonly Spent[]): Promise<void> {
  const sides = new Map<string, SideTimes>();
  for (const side of new Set(rounds.map((round) => round.side))) {
    const own = rounds.filter((round) => round.side === side);
    const paths = await Promise.all(own.map(({ profiling }) => profilesOf(profiling)));
    sides.set(
      side,
      await timesOf(
        paths.flat(),
        own.reduce((sum, { jobs }) => sum + jobs, 0),
      ),
    );
  }
  console.log(`${spentTables(title, sides)}\n`);
}

async function profilesOf({ folder, name }: Profiling): Promise<string[]> {
  const files = await readdir(folder);
  return files
    .filter((file) => file.startsWith(`${name}-`) && file.endsWith('.cpuprofile'))
    .map((file) => join(folder, file));
}

export async function timesOf(paths: readonly string[], jobs: number): Promise<SideTimes> {
  const placeOf = createPlaces();
  const times = new Map<string, number>();
  for (const path of paths) {
    for (const [place, spentUs] of selfTimes(readProfile(await readFile(path, 'utf8')), placeOf)) {
      times.set(place, (times.get(place) ?? 0) + spentUs / jobs);
    }
  }
  return times;
}

/** By component, and by the places that take most. */
export function spentTables(title: string, sides: ReadonlyMap<string, SideTimes>): string {
  const components = new Map([...sides].map(([side, times]) => [side, byComponent(times)]));
  const places = new Set([...sides.values()].flatMap((times) => [...times.keys()]));
  const most = (place: string) => Math.max(...[...sides.values()].map((times) => times.get(place) ?? 0));
  const shown = [...places].sort((a, b) => most(b) - most(a)).slice(0, PLACES_SHOWN);
  return [
    tableOf(`${title}: µs a job`, COMPONENT_NAMES, components),
    tableOf(`${title}: the places that take most, µs a job`, shown, sides),
  ].join('\n\n');
}

function byComponent(times: SideTimes): SideTimes {
  const components = new Map<string, number>();
  for (const [place, spentUs] of times) {
    const name = componentOf(place);
    components.set(name, (components.get(name) ?? 0) + spentUs);
  }
  return components;
}

/** The last row is the sum of all, those that are not shown too. */
function tableOf(title: string, names: readonly string[], sides: ReadonlyMap<string, SideTimes>): string {
  const rows = names.map((name) => [name, ...[...sides.values()].map((times) => cell(times.get(name)))]);
  const sums = [...sides.values()].map((times) => cell([...times.values()].reduce((sum, us) => sum + us, 0)));
  return markdown([[title, ...sides.keys()], ...rows, ['all', ...sums]]);
}

function cell(spentUs: number | undefined): string {
  return spentUs === undefined ? '-' : spentUs.toFixed(1);
}
