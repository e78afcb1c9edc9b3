import { sql } from 'drizzle-orm';
import { pgTable, text, timestamp, uniqueIndex } from 'drizzle-orm/pg-core';

/**
 * What a store's POS proves itself with at the HTTP intake. A row is never deleted, and never changed but once, when it
 * is revoked: so two counts tell whether anything changed.
 */
export const intakeTokens = pgTable(
  'intake_tokens',
  {
    /** SHA-256 of the token, in hex. The token itself is nowhere. */
    hash: text('hash').primaryKey(),
    /** How logs and the audit trail call it. */
    name: text('name').notNull(),
    locationIds: text('location_ids').array().notNull(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    createdBy: text('created_by').notNull(),
    revokedAt: timestamp('revoked_at', { withTimezone: true }),
    revokedBy: text('revoked_by'),
  },
  (table) => [uniqueIndex('intake_tokens_name').on(table.name).where(sql`${table.revokedAt} is null`)],
);
