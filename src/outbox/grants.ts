/**
 * What each role needs, as SQL to be run by whoever migrated; the names of the roles are examples. `outbox`: in
 * the database of the POS; `eventLog`: in `DATABASE_URL`.
 */
export const GRANTS = {
  /** The function runs with the rights of its owner, so that a till reads nothing and writes nowhere else. */
  till: {
    outbox: ['grant execute on function public.conexxus_enqueue(text, jsonb) to till;'],
    eventLog: [],
  },
  relay: {
    outbox: [
      'grant usage on schema conexxus to relay;',
      'grant select, insert, update, delete on conexxus.outbox, conexxus.sale, conexxus.payload, conexxus.relay, ' +
        'conexxus.taken to relay;',
      'grant select on conexxus.migrations, conexxus.untaken, public.conexxus_sales to relay;',
    ],
    eventLog: ['grant select on event_log to relay;', 'grant select, update on schedules to relay;'],
  },
  /** It writes as a till does, and tells what became of it. */
  intake: {
    outbox: [
      'grant execute on function public.conexxus_enqueue(text, jsonb) to intake;',
      'grant usage on schema conexxus to intake;',
      'grant select, insert, delete on conexxus.intake to intake;',
      'grant select on conexxus.outbox, conexxus.sale, conexxus.payload, conexxus.migrations, conexxus.untaken, ' +
        'public.conexxus_sales to intake;',
    ],
    eventLog: ['grant select on intake_tokens, event_log to intake;'],
  },
  books: { outbox: ['grant select on public.conexxus_sales to books;'], eventLog: [] },
} as const satisfies Record<string, { outbox: readonly string[]; eventLog: readonly string[] }>;

/** All of them as a script, with a line for people above each part. */
export function grantScript(): string {
  const { till, relay, intake, books } = GRANTS;
  return [
    '-- A till may enqueue, and nothing else:',
    ...till.outbox,
    '-- A relay:',
    ...relay.outbox,
    '-- the same relay, in the database of DATABASE_URL:',
    ...relay.eventLog,
    '-- An HTTP intake:',
    ...intake.outbox,
    '-- the same intake, in the database of DATABASE_URL:',
    ...intake.eventLog,
    '-- Who looks at the books of a day:',
    ...books.outbox,
  ].join('\n');
}
