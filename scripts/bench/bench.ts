import type { Service } from '../services/service.ts';
import type { Figure } from './figure.ts';

/** What a benchmark runs on, and how much of it. */
export interface BenchSetting {
  /** Private and durable; nobody else uses it. */
  readonly redis: Service;
  readonly postgres: Service;
  readonly say: (line: string) => void;
  readonly rounds: number;
  readonly openings: number;
  readonly healings: number;
  readonly backlog: number;
  readonly seconds: number;
  readonly jobs: number;
  readonly turns: number;
  readonly commits: number;
  readonly backlogSales: number;
  readonly sales: number;
  readonly rows: number;
  readonly posts: number;
  readonly postSeconds: number;
}

export type Benchmark = (setting: BenchSetting) => Promise<readonly Figure[]>;
