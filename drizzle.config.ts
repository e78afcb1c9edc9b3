import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: [
    './src/events/schema.ts',
    './src/inventory/schema.ts',
    './src/ops/alerts/schema.ts',
    './src/schedules/schema.ts',
    './src/tokens/schema.ts',
  ],
  out: './drizzle',
});
