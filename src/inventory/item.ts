import { z } from 'zod';
import { PRICE_RULE, priceOf } from './price.ts';

/** `price` is decimal text, as Conexxus wrote or meant it. */
export type CatalogItem = z.infer<typeof itemSchema>;

export type ParsedItem =
  | { readonly item: CatalogItem; readonly refusal?: never }
  | { readonly item?: never; readonly refusal: ItemRefusal };

interface ItemRefusal {
  readonly sku?: string;
  readonly problems: readonly string[];
}

/** A longer one would not fit the index of the primary key. */
const SKU_MAX = 500;

const text = z
  .string()
  .refine((value) => !/[\0\p{Surrogate}]/u.test(value), 'holds a character that no text column can store');

const price = z.number().transform((value, context) => {
  const decimal = priceOf(value);
  if (decimal !== undefined) return decimal;
  context.addIssue(`${PRICE_RULE}, and is ${value}`);
  return z.NEVER;
});

const itemSchema = z.object({
  sku: text.min(1).max(SKU_MAX),
  name: text.min(1),
  price,
  category: text.nullish().transform((value) => value ?? null),
  description: text.nullish().transform((value) => value ?? null),
});

/** Unknown fields are left out. */
export function parseItem(raw: unknown): ParsedItem {
  const parsed = itemSchema.safeParse(raw);
  if (parsed.success) return { item: parsed.data };
  const problems = parsed.error.issues.map(({ path, message }) => [...path, message].join(': '));
  return { refusal: { ...skuOf(raw), problems } };
}

function skuOf(raw: unknown): { sku?: string } {
  if (typeof raw !== 'object' || raw === null || !('sku' in raw)) return {};
  return typeof raw.sku === 'string' ? { sku: raw.sku.slice(0, SKU_MAX) } : {};
}
