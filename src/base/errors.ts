/** What every error of this package has: a literal `code` to branch on, and the `cause` it came from. */
export abstract class ConexxusSyncError extends Error {
  abstract readonly code: string;
  /**
   * True: the message is ours, and redacted where it quotes others. It is told as it is written, even where
   * one of its words is somebody's password.
   */
  readonly isClean: boolean = false;

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The message of anything that can be thrown, for logs and event rows. */
export function errorMessage(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message || thrown.name;
  return String(thrown);
}
