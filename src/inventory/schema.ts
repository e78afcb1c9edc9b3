import { numeric, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';

/** The catalog of each store as Conexxus gave it last. */
export const inventoryItems = pgTable(
  'inventory_items',
  {
    locationId: text('location_id').notNull(),
    sku: text('sku').notNull(),
    name: text('name').notNull(),
    price: numeric('price', { precision: 14, scale: 4 }).notNull(),
    category: text('category'),
    description: text('description'),
    firstSeenAt: timestamp('first_seen_at', { withTimezone: true }).notNull().defaultNow(),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
    /** The last catalog that named it, also one in which it could not be stored. */
    listedAt: timestamp('listed_at', { withTimezone: true }).notNull().defaultNow(),
    /** Since when the catalog lacks it; null: it does not. */
    missingSince: timestamp('missing_since', { withTimezone: true }),
  },
  (table) => [primaryKey({ columns: [table.locationId, table.sku] })],
);
