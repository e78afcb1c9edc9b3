import { ConexxusSyncError } from '../base/errors.ts';
import { postgresCodeOf, postgresReason } from '../base/postgres-errors.ts';

/** The Postgres that has to know is away, or takes no writes. */
export class StoreAwayError extends ConexxusSyncError {
  readonly code = 'STORE_AWAY';
}

/** More waits to be written than is good for anybody. */
export class BusyError extends ConexxusSyncError {
  readonly code = 'BUSY';
}

/** A page was asked for by what is none of ours. */
export class BadCursorError extends ConexxusSyncError {
  readonly code = 'BAD_CURSOR';
}

/** What Postgres did not do; a fault of our own stays what it is. */
export function storeError(thrown: unknown): unknown {
  const isAway = postgresCodeOf(thrown) !== undefined || isReadOnly(thrown);
  return isAway ? new StoreAwayError(postgresReason(thrown), { cause: thrown }) : thrown;
}

function isReadOnly(thrown: unknown): boolean {
  return thrown instanceof ConexxusSyncError && thrown.code === 'READ_ONLY_DATABASE';
}
