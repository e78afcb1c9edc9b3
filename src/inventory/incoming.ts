import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { parseItem } from './item.ts';

export interface ItemError {
  /** Place in the answer, from 0. */
  readonly index: number;
  readonly sku?: string;
  readonly problems: readonly string[];
}

/** A catalog as it comes in, item by item, each validated by itself. */
export interface Incoming {
  add(rawItem: unknown): void;
  /** All that came; none may be added after it. */
  done(): Gathered;
}

export interface Gathered {
  readonly processed: number;
  readonly failed: number;
  /** The first bad items, at most 100. */
  readonly errors: readonly ItemError[];
  /** In the order in which they came; within a batch no sku is twice. Whoever stores one takes it out. */
  readonly batches: Batch[];
}

export interface Batch {
  readonly items: number;
  /** JSON array of the good ones. */
  good(): string;
  /** JSON array of the skus of the bad ones; undefined: there are none. */
  bad(): string | undefined;
}

const ERRORS_MAX = 100;
const SKU_SHOWN_MAX = 500;
const BATCH_ITEMS = 250;

export function createIncoming(): Incoming {
  const errors: ItemError[] = [];
  const batches: Batch[] = [];
  let good = new Map<string, string>();
  let bad = new Set<string>();
  let processed = 0;
  let failed = 0;

  function add(rawItem: unknown): void {
    const index = processed++;
    const { item, refusal } = parseItem(rawItem);
    if (item) {
      good.set(item.sku, JSON.stringify(item));
    } else {
      const { sku, isListed, problems } = refusal;
      if (failed++ < ERRORS_MAX) errors.push({ index, ...shownSku(sku), problems });
      if (isListed && sku !== undefined) bad.add(sku);
    }
    if (good.size + bad.size >= BATCH_ITEMS) pack();
  }

  function pack(): void {
    if (good.size + bad.size === 0) return;
    const goodOnes = packed(`[${[...good.values()].join(',')}]`);
    const badOnes = bad.size > 0 ? packed(JSON.stringify([...bad])) : undefined;
    batches.push({ items: good.size + bad.size, good: goodOnes, bad: () => badOnes?.() });
    good = new Map();
    bad = new Set();
  }

  return {
    add,
    done() {
      pack();
      return { processed, failed, errors, batches };
    },
  };
}

/**
 * Items wait as bytes beside the heap: half a million objects would take four times the room, and the collector would
 * stop the process to look through them. Packed, since what Postgres' driver leaves lying is as much again.
 */
function packed(text: string): () => string {
  const bytes = deflateRawSync(text, { level: 1 });
  return () => inflateRawSync(bytes).toString();
}

function shownSku(sku: string | undefined): { sku?: string } {
  return sku === undefined ? {} : { sku: sku.slice(0, SKU_SHOWN_MAX) };
}
