import type { Transaction } from '../base/database.ts';

/** One step in the outbox's database, under the lock of the relay whose turn it is. */
export type Turn = <Result>(work: (tx: Transaction) => Promise<Result>) => Promise<Result>;
