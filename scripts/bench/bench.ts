import type { Service } from '../services/service.ts';
import type { Amounts } from './amounts.ts';
import type { Figure } from './figure.ts';
import type { SidePrograms } from './sides/build.ts';

/** What a benchmark runs on, and how much of it. */
export interface BenchSetting extends Amounts {
  /** Private and durable; nobody else uses it. */
  readonly redis: Service;
  readonly postgres: Service;
  /** What is measured in processes of their own. */
  readonly programs: SidePrograms;
  readonly say: (line: string) => void;
  /** Folder for processor profiles. */
  readonly profile?: string;
}

export type Benchmark = (setting: BenchSetting) => Promise<readonly Figure[]>;
