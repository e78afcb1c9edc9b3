export const WAYS = ['one by one', '50 in flight', 'bulks of 500'] as const;

export type Way = (typeof WAYS)[number];

/** What a producer logs of a way; processor time in ms a job. */
export interface AddedLine {
  readonly msg: `added: ${Way}`;
  readonly jobsPerSecond: number;
  readonly cpuMs: number;
  readonly redisMs: number;
}
