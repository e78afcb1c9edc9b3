import { randomUUID } from 'node:crypto';
import { type Command, InvalidArgumentError } from 'commander';
import { loadConfig, secretsOf } from '../base/config/config.ts';
import { connectDatabase, type Transaction } from '../base/database.ts';
import { ConexxusSyncError } from '../base/errors.ts';
import { createRedactor } from '../base/redaction.ts';
import { eventLog } from '../events/schema.ts';
import { instant } from '../sync/report/time-words.ts';
import {
  createToken,
  listTokens,
  revokeToken,
  type TokenBearer,
  type TokenRecord,
} from '../tokens/tokens.ts';
import { ACTOR, listed, REASON, type WordOptions, wordOf } from './options.ts';
import { write } from './output.ts';
import { reasonOf } from './reason.ts';
import { oneLine, table } from './table.ts';

interface CreateOptions extends WordOptions {
  readonly location: readonly string[];
  readonly json?: true;
}

/** Postgres is away, or refused what was asked. */
class TokensAwayError extends ConexxusSyncError {
  readonly code = 'TOKENS_AWAY';
  override readonly isClean = true;
}

const redact = createRedactor(secretsOf());

export function registerTokens(program: Command): void {
  const group = program
    .command('tokens')
    .description('what the POS of a store shows to the HTTP intake (DATABASE_URL)');
  group
    .command('create')
    .description('make a token and print it, this once; what else is said goes to the standard error')
    .argument('<name>', 'how logs and the audit trail call it, like store-7-till-2', tokenName)
    .requiredOption('--location <id>', 'a store that it may speak for; may be given again', listed)
    .requiredOption(...REASON)
    .option(...ACTOR)
    .option('--json', 'as JSON')
    .action(create);
  group
    .command('list')
    .description('show the tokens in force, by name: none can be shown again')
    .option('--all', 'those that were revoked, too')
    .option('--json', 'as JSON')
    .action(list);
  group
    .command('revoke')
    .description('end a token: within two seconds it is refused; exits 1 where there is none of that name')
    .argument('<name>', 'its name')
    .requiredOption(...REASON)
    .option(...ACTOR)
    .action(revoke);
}

function tokenName(name: string): string {
  if (/^[A-Za-z0-9][\w.-]{0,99}$/.test(name)) return name;
  throw new InvalidArgumentError(
    'It must begin with a letter or digit and have only letters, digits, "-", "_" and "." (at most 100).',
  );
}

async function create(name: string, { location: locationIds, json, ...word }: CreateOptions): Promise<void> {
  const { actor, reason } = wordOf(word, redact);
  const token = await withTokens(async (tx) => {
    const made = await createToken(tx, { name, locationIds, actor });
    await note(tx, 'create', actor, reason, { name, locationIds });
    return made;
  });
  if (json) return write(`${JSON.stringify({ name, locationIds, token })}\n`);
  process.stderr.write(
    oneLine(
      `The token ${name}, for ${locationIds.join(', ')}. It is shown this once: keep it as a password.`,
    ),
  );
  process.stderr.write('\n');
  await write(`${token}\n`);
}

async function revoke(name: string, options: WordOptions): Promise<void> {
  const { actor, reason } = wordOf(options, redact);
  const revoked = await withTokens(async (tx) => {
    const bearer = await revokeToken(tx, name, actor);
    if (bearer !== undefined) await note(tx, 'revoke', actor, reason, bearer);
    return bearer;
  });
  if (revoked === undefined) process.exitCode = 1;
  await write(
    revoked === undefined
      ? oneLine(`No token in force has the name ${name}.`)
      : `The token ${name} is revoked: within two seconds it is refused.`,
  );
  await write('\n');
}

async function list({ all, json }: { all?: true; json?: true }): Promise<void> {
  const tokens = (await withTokens(listTokens)).filter(({ revokedAt }) => all || revokedAt === null);
  if (json) return write(`${JSON.stringify({ tokens })}\n`);
  const lines = tokens.length === 0 ? ['There is no token.'] : table(tokens.map(rowOf));
  await write(`${lines.map((line) => redact(line).trimEnd()).join('\n')}\n`);
}

function rowOf({ name, locationIds, createdAt, createdBy, revokedAt, revokedBy }: TokenRecord): string[] {
  const end = revokedAt === null ? '' : `revoked ${instant(revokedAt.getTime())} by ${revokedBy}`;
  return [name, locationIds.join(', '), `${instant(createdAt.getTime())} by ${createdBy}`, end].map(oneLine);
}

/** In the transaction of what is done, so that neither is there without the other. */
async function note(
  tx: Transaction,
  action: 'create' | 'revoke',
  actor: string,
  reason: string,
  bearer: TokenBearer,
): Promise<void> {
  await tx.insert(eventLog).values({
    dedupeKey: randomUUID(),
    eventType: `conexxus.operator.tokens.${action}`,
    aggregateId: bearer.name,
    timestamp: new Date(),
    payload: {
      actor,
      action: `tokens.${action}`,
      reason,
      token: bearer.name,
      locationIds: bearer.locationIds,
    },
  });
}

async function withTokens<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result> {
  const { databaseUrl } = loadConfig('tokens');
  const database = connectDatabase(databaseUrl, { max: 1 });
  try {
    return await database.write(work);
  } catch (error) {
    if (error instanceof ConexxusSyncError) throw error;
    throw new TokensAwayError(`Postgres could not be asked (${reasonOf(error)}): is it at DATABASE_URL?`, {
      cause: error,
    });
  } finally {
    await database.close();
  }
}
