import type { Check } from './check.ts';

/** What `doctor` found, beyond what a worker has to know before it starts. */
export interface Finding {
  readonly about: string;
  readonly ok: boolean;
  /** What was found; where it is not ok, with the fix. */
  readonly text: string;
}

export function checkOf({ about, ok, text }: Finding): Check {
  return { name: about, ok, message: text };
}
