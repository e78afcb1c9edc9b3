import { secretsOf } from '../base/config/config.ts';
import { errorMessage } from '../base/errors.ts';
import { createRedactor } from '../base/redaction.ts';

/**
 * What went wrong, for a person at a terminal. Drizzle's message quotes the query, and a connection
 * that failed on IPv4 and IPv6 has no message: what Postgres or the network said lies within. Redacted
 * here, where it is quoted: in the words around it, which are ours, somebody's password is just a word.
 */
export function reasonOf(thrown: unknown): string {
  return createRedactor(secretsOf())(innermostMessage(thrown));
}

function innermostMessage(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown.cause instanceof Error) return innermostMessage(thrown.cause);
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return innermostMessage(thrown.errors[0]);
  return errorMessage(thrown);
}

/** Our own mistake, and not that of a server. */
export function isBug(error: unknown): boolean {
  return [TypeError, RangeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind);
}
