import { callsOf } from './calls.ts';
import { columns, type Screen } from './screen.ts';
import type { Stage } from './stage.ts';

/** What an operator would ask the event log about the outage: the very SQL, and its answers. */
export async function showEventLog(stage: Stage, screen: Screen): Promise<void> {
  screen.heading('What the event log says');
  await ask(stage, screen, [
    "select payload->>'operation' as operation, payload->>'httpStatus' as status,",
    '  count(*)::int as failed from event_log',
    "where event_type like 'conexxus.sync.failed.%' group by 1, 2",
  ]);
  const { failed } = await callsOf(stage, 0, Date.now());
  const sale = failed[0]?.transactionIds[0];
  if (sale === undefined) return;
  screen.print(['']);
  await ask(stage, screen, [
    `select to_char("timestamp", 'HH24:MI:SS.MS') as time, event_type,`,
    "  payload->>'httpStatus' as status, payload->>'circuitState' as circuit",
    `from event_log where transaction_ids @> array['${sale}']`,
    'order by "timestamp"',
  ]);
}

async function ask({ database }: Stage, screen: Screen, query: readonly string[]): Promise<void> {
  const rows = await database.sql.unsafe<Record<string, string | number | null>[]>(query.join('\n'));
  screen.print(query, 'dim');
  const [first = {}] = rows;
  const answers = rows.map((row) => Object.values(row).map((value) => value ?? ''));
  screen.print(columns([Object.keys(first), ...answers]));
}
