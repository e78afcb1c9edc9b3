import type { Database } from '../base/database.ts';
import { ConexxusSyncError } from '../base/errors.ts';
import { tell } from '../base/happenings.ts';
import { postgresReason } from '../base/postgres-errors.ts';
import { within } from '../base/shared.ts';
import {
  hashOf,
  readTokensInForce,
  readTokensVersion,
  type TokenBearer,
  type TokensInForce,
} from '../tokens/tokens.ts';

/** All tokens in force, in memory: who posts waits for no database, nor does who tries others cost it anything. */
export interface TokenBook {
  /** Undefined: it is none, or revoked. */
  find(token: string): Promise<TokenBearer | undefined>;
  /** False until Postgres told them once: nothing can be said of any. */
  isOpen(): boolean;
  /** Resolves when it is. */
  readonly opened: Promise<void>;
  stop(): Promise<void>;
}

interface TokenBookOptions {
  readonly database: Pick<Database, 'read'>;
  /** Called where there is no table of them, which waiting does not mend. */
  readonly onMissing: (error: Error) => void;
}

const LOOK_MS = 1_000;
/** Who shows an unknown token waits for a look that begins after that, at most so often: it may have been made just now. */
const FRESH_MS = 250;
const FRESH_WAIT_MS = 2_000;

/** Looks once a second. With Postgres away those that were in force stay so: nobody can revoke one then. */
export function openTokenBook({ database, onMissing }: TokenBookOptions): TokenBook {
  const pages = createPages(database);
  let failures = 0;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  /** Never rejects. */
  async function look(): Promise<void> {
    try {
      await pages.read();
      failures = 0;
    } catch (error) {
      if (error instanceof ConexxusSyncError && error.code === 'NO_TOKENS_TABLE') onMissing(error);
      failures += 1;
      tell('tokens-not-read', { reason: postgresReason(error), failures });
    }
  }
  const fresh = createFreshLook(look);

  async function follow(): Promise<void> {
    await look();
    if (!stopped) timer = setTimeout(() => void follow(), LOOK_MS);
  }

  const following = follow();
  return {
    async find(token) {
      const hash = hashOf(token);
      const bearer = pages.tokens()?.get(hash);
      if (bearer !== undefined) return bearer;
      await within(FRESH_WAIT_MS, fresh(), undefined);
      return pages.tokens()?.get(hash);
    },
    isOpen: () => pages.tokens() !== undefined,
    opened: pages.opened,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await within(FRESH_WAIT_MS, following, undefined);
    },
  };
}

/** What was read of them; read again only where anything changed. */
function createPages(database: Pick<Database, 'read'>) {
  let tokens: TokensInForce | undefined;
  let version: string | undefined;
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    opened,
    tokens: () => tokens,
    async read(): Promise<void> {
      const [found, inForce] = await database.read(async (tx) => {
        const current = await readTokensVersion(tx);
        return [current, current === version ? undefined : await readTokensInForce(tx)] as const;
      });
      version = found;
      if (inForce === undefined) return;
      tokens = inForce;
      open();
      tell('tokens-read', { tokens: inForce.size });
    },
  };
}

/** A look that begins after it is asked for; those who ask before it begins share it. */
function createFreshLook(look: () => Promise<void>): () => Promise<void> {
  let next: Promise<void> | undefined;
  let begunAt = Number.NEGATIVE_INFINITY;
  const begin = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, begunAt + FRESH_MS - performance.now())));
    next = undefined;
    begunAt = performance.now();
    await look();
  };
  return () => (next ??= begin());
}
