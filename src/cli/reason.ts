import { errorMessage } from '../base/errors.ts';

/**
 * What went wrong, for a person at a terminal. Drizzle's message quotes the query, and a connection
 * that failed on IPv4 and IPv6 has no message: what Postgres or the network said lies within.
 */
export function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown.cause instanceof Error) return reasonOf(thrown.cause);
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return reasonOf(thrown.errors[0]);
  return errorMessage(thrown);
}
