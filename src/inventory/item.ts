import * as z from 'zod';
import { JsonNumber } from '../base/json-number.ts';
import { PRICE_RULE, priceOf } from './price.ts';

/** `price` is decimal text, as Conexxus wrote or meant it. */
type CatalogItem = z.infer<typeof itemSchema>;

export type ParsedItem =
  | { readonly item: CatalogItem; readonly refusal?: never }
  | { readonly item?: never; readonly refusal: ItemRefusal };

interface ItemRefusal {
  /** As far as there is one. */
  readonly sku?: string;
  /** The item has a name that a stored one may have: the catalog does not lack that. */
  readonly isListed: boolean;
  readonly problems: readonly string[];
}

/** A longer one would not fit the index of the primary key. */
const SKU_MAX = 500;

const SHOWN_MAX = 60;

const text = z
  .string('must be text')
  .refine((value) => !/[\0\p{Surrogate}]/u.test(value), 'holds a character that no text column can store');

const sku = text.min(1).max(SKU_MAX);

const price = z.unknown().transform((value, context) => {
  const decimal = value instanceof JsonNumber ? priceOf(value.text) : undefined;
  if (decimal !== undefined) return decimal;
  context.addIssue(
    value instanceof JsonNumber ? `${PRICE_RULE}, and is ${shown(value.text)}` : 'must be a number',
  );
  return z.NEVER;
});

function shown(written: string): string {
  return written.length > SHOWN_MAX ? `${written.slice(0, SHOWN_MAX)}…` : written;
}

const itemSchema = z.object({
  sku,
  name: text.min(1),
  price,
  category: text.nullish().transform((value) => value ?? null),
  description: text.nullish().transform((value) => value ?? null),
});

/** `raw`: numbers are `JsonNumber`. Unknown fields are left out. */
export function parseItem(raw: unknown): ParsedItem {
  const parsed = itemSchema.safeParse(raw);
  if (parsed.success) return { item: parsed.data };
  const problems = parsed.error.issues.map(({ path, message }) => [...path, message].join(': '));
  const named = skuOf(raw);
  return { refusal: { ...named, isListed: sku.safeParse(named.sku).success, problems } };
}

function skuOf(raw: unknown): { sku?: string } {
  if (typeof raw !== 'object' || raw === null || !('sku' in raw)) return {};
  return typeof raw.sku === 'string' ? { sku: raw.sku } : {};
}
