import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { SidePrograms } from './build.ts';

/** Where the profiles of one round go: a file of each process, all of one name and what is their own. */
export interface Profiling {
  readonly folder: string;
  readonly name: string;
}

/** The environment of a process that is profiled between two SIGUSR2. */
export function profiledBy({ pathOf }: SidePrograms, { folder, name }: Profiling): Record<string, string> {
  return {
    NODE_OPTIONS: `--import=${pathToFileURL(pathOf('profiler')).href}`,
    PROFILE: join(folder, name),
  };
}
