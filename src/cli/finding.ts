/** What `doctor` found, beyond what a worker has to know before it starts. */
export interface Finding {
  readonly about: string;
  readonly ok: boolean;
  /** What was found; where it is not ok, with the fix. */
  readonly text: string;
}
