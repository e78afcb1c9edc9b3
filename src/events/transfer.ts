import type { Database } from '../base/database.ts';
import { tell } from '../base/happenings.ts';
import { parseEntry } from './entry.ts';
import { type Insertion, insertEvents } from './insert.ts';
import type { EventStream } from './stream.ts';
import type { StreamEntry } from './stream-reply.ts';

export interface TransferOptions {
  readonly stream: EventStream;
  readonly database: Pick<Database, 'write'>;
  readonly batchSize: number;
  readonly claimIdleMs: number;
}

/**
 * Moves the next batch from the stream to Postgres; resolves to its size. None there: waits for it up to
 * `blockMs`, or not at all without it. Rejects if Redis or Postgres fails: nothing is lost, and the
 * next call takes up what this one had read.
 */
export type Transfer = (blockMs?: number) => Promise<number>;

const CLAIM_INTERVAL_MS = 10_000;

export function createTransfer({ stream, database, batchSize, claimIdleMs }: TransferOptions): Transfer {
  /** At the start and after a failure some entries are ours and not settled; they go first. */
  let ownPending = true;
  let nextClaimAt = 0;

  async function nextEntries(blockMs?: number): Promise<StreamEntry[]> {
    if (ownPending) {
      const own = await stream.readOwn(batchSize);
      if (own.length > 0) return own;
    }
    if (Date.now() >= nextClaimAt) {
      const claimed = await stream.claim(batchSize, claimIdleMs);
      if (claimed.length > 0) return claimed;
      nextClaimAt = Date.now() + Math.min(CLAIM_INTERVAL_MS, claimIdleMs);
    }
    ownPending = false;
    return await stream.readNew(batchSize, blockMs);
  }

  async function write(entries: readonly StreamEntry[]): Promise<void> {
    const { insertions, refused } = parse(entries);
    for (const { id, reason } of await insertEvents(database, insertions)) refused.set(id, reason);
    // Only now: what leaves the stream is in Postgres. Cut off here, it comes again and finds its row.
    const settled = entries.map(({ id }) => id).filter((id) => !refused.has(id));
    await stream.settle(settled);
    tell('rows-written', { rows: settled.length });
    for (const entry of entries) {
      const reason = refused.get(entry.id);
      if (reason === undefined) continue;
      await stream.refuse(entry, reason);
      tell('event-set-apart', { entryId: entry.id, reason });
    }
  }

  return async (blockMs) => {
    try {
      const entries = await nextEntries(blockMs);
      if (entries.length > 0) await write(entries);
      return entries.length;
    } catch (thrown) {
      ownPending = true;
      throw thrown;
    }
  };
}

function parse(entries: readonly StreamEntry[]) {
  const insertions: Insertion[] = [];
  const refused = new Map<string, string>();
  for (const { id, fields } of entries) {
    const parsed = fields && parseEntry(fields);
    if (parsed?.kind === 'row') insertions.push({ id, row: parsed.row });
    if (parsed?.kind === 'malformed') refused.set(id, parsed.reason);
  }
  return { insertions, refused };
}
