import type { LedgerEntry, LedgerFilter, LedgerSummary, WaitCondition } from './protocol.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };
export type OpenEntry = Writable<LedgerEntry>;

/** Who applied what, when: the other side's truth, against which ours is reconciled. */
export interface Ledger {
  open(request: Pick<LedgerEntry, 'method' | 'path' | 'key' | 'apiKey'>): OpenEntry;
  /** The sale of this entry took effect. */
  apply(entry: OpenEntry): void;
  wasApplied(key: string): boolean;
  end(entry: OpenEntry, status: number | null): void;
  entries(filter: LedgerFilter): readonly LedgerEntry[];
  summary(): LedgerSummary;
  /** Forgets entries, sums and keys; what is in flight is then in no sum. */
  clear(): void;
  /** Resolves to whether the condition held within the time. */
  waitFor(condition: WaitCondition, timeoutMs: number): Promise<boolean>;
}

interface Waiter {
  readonly condition: WaitCondition;
  readonly resolve: (reached: boolean) => void;
}

export function createLedger(): Ledger {
  let book = emptyBook();
  const waiters = new Set<Waiter>();

  function changed(): void {
    for (const waiter of waiters) {
      if (holds(waiter.condition, book)) waiter.resolve(true);
    }
  }

  return {
    open: (request) => {
      const entry = openEntry(book, request);
      changed();
      return entry;
    },
    apply: (entry) => {
      applyEntry(book, entry);
      changed();
    },
    wasApplied: (key) => book.appliedByKey.has(key),
    end: (entry, status) => {
      endEntry(book, entry, status);
      changed();
    },
    entries: ({ path, key, since = 0 }) =>
      // The sequence starts again at 1 with each book, so `since` is an index.
      book.entries
        .slice(Math.max(0, since))
        .filter((entry) => (path ?? entry.path) === entry.path && (key ?? entry.key) === entry.key),
    summary: () => summarize(book),
    clear: () => {
      book = emptyBook();
    },
    waitFor: (condition, timeoutMs) =>
      new Promise((resolve) => {
        const settle = (reached: boolean) => {
          clearTimeout(timer);
          waiters.delete(waiter);
          resolve(reached);
        };
        const waiter: Waiter = { condition, resolve: settle };
        const timer = setTimeout(settle, timeoutMs, false);
        waiters.add(waiter);
        changed();
      }),
  };
}

/** Sums are kept as entries come, so that a summary of 100,000 costs nothing. */
interface Book {
  readonly entries: OpenEntry[];
  readonly appliedByKey: Map<string, number>;
  readonly transactions: Set<string>;
  readonly byStatus: Map<string, number>;
  readonly byPath: Map<string, number>;
  readonly inFlightByPath: Map<string, number>;
  readonly maxInFlightByPath: Map<string, number>;
  applied: number;
  appliedTwice: number;
  duplicates: number;
  transactionCount: number;
  inFlight: number;
  maxInFlight: number;
}

function emptyBook(): Book {
  return {
    entries: [],
    appliedByKey: new Map(),
    transactions: new Set(),
    byStatus: new Map(),
    byPath: new Map(),
    inFlightByPath: new Map(),
    maxInFlightByPath: new Map(),
    applied: 0,
    appliedTwice: 0,
    duplicates: 0,
    transactionCount: 0,
    inFlight: 0,
    maxInFlight: 0,
  };
}

function openEntry(book: Book, { method, path, key, apiKey }: Parameters<Ledger['open']>[0]): OpenEntry {
  book.inFlight += 1;
  book.maxInFlight = Math.max(book.maxInFlight, book.inFlight);
  bump(book.byPath, path);
  const inFlightOnPath = bump(book.inFlightByPath, path);
  book.maxInFlightByPath.set(path, Math.max(book.maxInFlightByPath.get(path) ?? 0, inFlightOnPath));
  const entry: OpenEntry = {
    seq: book.entries.length + 1,
    receivedAt: Date.now(),
    endedAt: null,
    method,
    path,
    key,
    apiKey,
    locationId: null,
    date: null,
    transactionIds: [],
    applied: false,
    duplicate: false,
    status: null,
    fault: null,
    inFlight: book.inFlight,
    inFlightOnPath,
  };
  book.entries.push(entry);
  return entry;
}

function applyEntry(book: Book, entry: OpenEntry): void {
  entry.applied = true;
  if (!isOf(book, entry)) return;
  book.applied += 1;
  book.transactionCount += entry.transactionIds.length;
  for (const id of entry.transactionIds) book.transactions.add(`${entry.locationId} ${id}`);
  if (entry.key !== null && bump(book.appliedByKey, entry.key) === 2) book.appliedTwice += 1;
}

function endEntry(book: Book, entry: OpenEntry, status: number | null): void {
  entry.endedAt = Date.now();
  entry.status = status;
  if (!isOf(book, entry)) return;
  book.inFlight -= 1;
  bump(book.inFlightByPath, entry.path, -1);
  bump(book.byStatus, status === null ? 'none' : String(status));
  if (entry.duplicate) book.duplicates += 1;
}

/** False for an entry that was opened before the ledger was cleared. */
function isOf(book: Book, entry: OpenEntry): boolean {
  return book.entries[entry.seq - 1] === entry;
}

function bump(counts: Map<string, number>, name: string, by = 1): number {
  const count = (counts.get(name) ?? 0) + by;
  counts.set(name, count);
  return count;
}

function holds(condition: WaitCondition, book: Book): boolean {
  return (
    book.entries.length >= (condition.requests ?? 0) &&
    book.applied >= (condition.applied ?? 0) &&
    book.inFlight >= (condition.inFlight ?? 0) &&
    book.entries.length - book.inFlight >= (condition.ended ?? 0)
  );
}

function summarize(book: Book): LedgerSummary {
  return {
    requests: book.entries.length,
    applied: book.applied,
    keys: book.appliedByKey.size,
    appliedTwice: book.appliedTwice,
    duplicates: book.duplicates,
    transactions: book.transactionCount,
    distinctTransactions: book.transactions.size,
    byStatus: Object.fromEntries(book.byStatus),
    byPath: Object.fromEntries(book.byPath),
    inFlight: book.inFlight,
    maxInFlight: book.maxInFlight,
    maxInFlightByPath: Object.fromEntries(book.maxInFlightByPath),
  };
}
