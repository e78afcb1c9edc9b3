import { date, index, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';

/** What is to be done for a store, and when next. */
export const schedules = pgTable(
  'schedules',
  {
    locationId: text('location_id').notNull(),
    /** `fetch_inventory`: every hour; `end_of_day`: once for each date of the store. */
    job: text('job').notNull(),
    /** IANA name of the store's zone. */
    zone: text('zone').notNull(),
    /** HH:MM by the store's clock; null: hourly. */
    at: text('at'),
    /** The store's date of the next run; null: hourly. It is what has the run be one for each date. */
    nextDate: date('next_date'),
    nextRun: timestamp('next_run', { withTimezone: true }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.locationId, table.job] }),
    index('schedules_next_run').on(table.nextRun),
  ],
);
