import { hash, randomBytes } from 'node:crypto';
import { and, asc, eq, isNull, sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';
import { ConexxusSyncError } from '../base/errors.ts';
import { sqlStateOf } from '../base/postgres-errors.ts';
import { intakeTokens } from './schema.ts';

/** Whose a token is, as far as anybody is told. */
export interface TokenBearer {
  readonly name: string;
  /** The stores that it may speak for. */
  readonly locationIds: readonly string[];
}

export interface TokenRecord extends TokenBearer {
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly revokedAt: Date | null;
  readonly revokedBy: string | null;
}

/** Tokens that are in force, by their hashes. */
export type TokensInForce = ReadonlyMap<string, TokenBearer>;

/** A token of this name is in force. */
class TokenNameTakenError extends ConexxusSyncError {
  readonly code = 'TOKEN_NAME_TAKEN';
  override readonly isClean = true;
}

/** The database was not migrated to a version that has them. */
class NoTokensError extends ConexxusSyncError {
  readonly code = 'NO_TOKENS_TABLE';
  override readonly isClean = true;
}

/** So that it is known for what it is where it turns up. */
const PREFIX = 'cxs_';
/** Nobody guesses that many, so a hash without salt and without rounds keeps it. */
const SECRET_BYTES = 32;
const NAME_TAKEN = '23505';
const NO_SUCH_TABLE = '42P01';

export function hashOf(token: string): string {
  return hash('sha256', token);
}

/** The token, which nobody can be told again. @throws TokenNameTakenError, NoTokensError */
export async function createToken(
  tx: Transaction,
  { name, locationIds, actor }: TokenBearer & { readonly actor: string },
): Promise<string> {
  const token = `${PREFIX}${randomBytes(SECRET_BYTES).toString('base64url')}`;
  try {
    await tx
      .insert(intakeTokens)
      .values({ hash: hashOf(token), name, locationIds: [...locationIds], createdBy: actor });
  } catch (error) {
    if (sqlStateOf(error) !== NAME_TAKEN) throw explained(error);
    throw new TokenNameTakenError(
      `There is a token of the name ${name} already: choose another, or revoke that one first`,
      { cause: error },
    );
  }
  return token;
}

/** Undefined: no token of this name is in force. @throws NoTokensError */
export async function revokeToken(
  tx: Transaction,
  name: string,
  actor: string,
): Promise<TokenBearer | undefined> {
  const [revoked] = await tx
    .update(intakeTokens)
    .set({ revokedAt: sql`now()`, revokedBy: actor })
    .where(and(eq(intakeTokens.name, name), isNull(intakeTokens.revokedAt)))
    .returning({ name: intakeTokens.name, locationIds: intakeTokens.locationIds })
    .catch(explain);
  return revoked;
}

/** Oldest first. @throws NoTokensError */
export async function listTokens(tx: Transaction): Promise<TokenRecord[]> {
  const columns = {
    name: intakeTokens.name,
    locationIds: intakeTokens.locationIds,
    createdAt: intakeTokens.createdAt,
    createdBy: intakeTokens.createdBy,
    revokedAt: intakeTokens.revokedAt,
    revokedBy: intakeTokens.revokedBy,
  };
  return tx.select(columns).from(intakeTokens).orderBy(asc(intakeTokens.createdAt)).catch(explain);
}

/** @throws NoTokensError */
export async function readTokensInForce(tx: Transaction): Promise<TokensInForce> {
  const rows = await tx
    .select({ hash: intakeTokens.hash, name: intakeTokens.name, locationIds: intakeTokens.locationIds })
    .from(intakeTokens)
    .where(isNull(intakeTokens.revokedAt))
    .catch(explain);
  return new Map(rows.map(({ hash, ...bearer }) => [hash, bearer]));
}

/** The same as long as no token was made and none revoked. @throws NoTokensError */
export async function readTokensVersion(tx: Transaction): Promise<string> {
  const [row] = await tx
    .execute<{ version: string }>(
      sql`select count(*) || '/' || count(revoked_at) as version from intake_tokens`,
    )
    .catch(explain);
  return row?.version ?? '';
}

function explain(error: unknown): never {
  throw explained(error);
}

function explained(error: unknown): unknown {
  if (sqlStateOf(error) !== NO_SUCH_TABLE) return error;
  return new NoTokensError('The database has no tokens yet: run `node dist/cli.js migrate`.', {
    cause: error,
  });
}
