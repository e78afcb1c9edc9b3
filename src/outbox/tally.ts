import type { ActedOn } from './meant.ts';

/** Why nothing was done about a sale. */
export type Why =
  /** In a payload whose fate is not known yet. */
  | 'under-way'
  /** In a dead payload with others, which a relay takes apart. */
  | 'being-split'
  /** In one payload with others that are not meant; `detail` names them. */
  | 'shares-a-payload'
  /** Its dead letter was replayed; `detail`: where the job is. */
  | 'in-the-queue'
  | 'delivered'
  | 'flagged'
  | 'discarded'
  | 'replaced'
  | 'waiting'
  /** In the outbox, where no relay has taken it yet. */
  | 'untaken'
  /** What was written is no JSON that the outbox could hold. */
  | 'unreadable'
  /** By Redis; `detail` says why. */
  | 'refused'
  | 'changed'
  | 'unknown';

/** What an act is about, as a person knows it. */
export interface SaleName {
  readonly line: string | null;
  readonly transactionId: string | null;
}

export interface Refusal {
  readonly why: Why;
  readonly detail: string | undefined;
  readonly count: number;
  /** The first of them. */
  readonly first: readonly string[];
}

export interface Outcome {
  /** Sales, by the state that they were in. */
  readonly done: Readonly<Record<ActedOn, number>>;
  /** Of these, those that were not meant, but travel in one payload with one that is. */
  readonly alongside: number;
  readonly refused: readonly Refusal[];
}

export interface Tally {
  did(state: ActedOn, sales: readonly SaleName[], alongside?: number): void;
  refuse(why: Why, sales: readonly SaleName[], detail?: string): void;
  /** Whether a line, or one with this transaction id, was done or refused; of many nobody asks. */
  has(name: Partial<SaleName>): boolean;
  outcome(): Outcome;
}

const NAMED = 5;

export function createTally({ remember }: { readonly remember: boolean }): Tally {
  const done: Record<ActedOn, number> = { waiting: 0, apart: 0, dead: 0 };
  const refusals = new Map<
    string,
    { why: Why; detail: string | undefined; count: number; first: string[] }
  >();
  const seen = new Set<string>();
  let besides = 0;

  function see(sales: readonly SaleName[]): void {
    if (!remember) return;
    for (const { line, transactionId } of sales) {
      if (line !== null) seen.add(`line ${line}`);
      if (transactionId !== null) seen.add(`sale ${transactionId}`);
    }
  }

  return {
    did(state, sales, alongside = 0) {
      done[state] += sales.length;
      besides += alongside;
      see(sales);
    },
    refuse(why, sales, detail) {
      if (sales.length === 0) return;
      const key = JSON.stringify([why, detail]);
      const refusal = refusals.get(key) ?? { why, detail, count: 0, first: [] };
      refusal.count += sales.length;
      refusal.first.push(...sales.slice(0, NAMED - refusal.first.length).map(nameOf));
      refusals.set(key, refusal);
      see(sales);
    },
    has: ({ line, transactionId }) => seen.has(`line ${line}`) || seen.has(`sale ${transactionId}`),
    outcome: () => ({ done, alongside: besides, refused: [...refusals.values()] }),
  };
}

export function nameOf({ line, transactionId }: SaleName): string {
  return transactionId ?? `line ${line}`;
}
