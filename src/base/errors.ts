/** What every error of this package has: a literal `code` to branch on, and the `cause` it came from. */
export abstract class ConexxusSyncError extends Error {
  abstract readonly code: string;

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
