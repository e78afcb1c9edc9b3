import { z } from 'zod';

/** `price` is decimal text, exactly as Conexxus wrote it. */
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

/** What numeric(12,2) holds, as the shortest text of the number: no arithmetic, so 0.1 stays 0.1. */
const PRICE = /^\d{1,10}(\.\d{1,2})?$/;

const text = z
  .string()
  .refine((value) => !/[\0\p{Surrogate}]/u.test(value), 'holds a character that no text column can store');

const itemSchema = z.object({
  sku: text.min(1).max(SKU_MAX),
  name: text.min(1),
  price: z
    .number()
    .transform(String)
    .refine((price) => PRICE.test(price), 'must be from 0 to 9999999999.99 with at most 2 decimals'),
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
