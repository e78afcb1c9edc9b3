import { defineConfig } from 'drizzle-kit';

/** The outbox is migrated on its own: it lives in the database of the POS. */
export default defineConfig({
  dialect: 'postgresql',
  schema: './src/outbox/schema.ts',
  schemaFilter: ['conexxus'],
  out: './drizzle/outbox',
});
