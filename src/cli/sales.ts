import type { Command } from 'commander';
import { secretsOf } from '../base/config/config.ts';
import { createRedactor, redactJson } from '../base/redaction.ts';
import { salesIn } from '../sales/sale-answer.ts';
import { calendarDate } from './books.ts';
import { notEmpty } from './options.ts';
import { write } from './output.ts';
import { readTraces } from './sale-traces.ts';
import { renderSales, salesRecord } from './sale-view.ts';

interface ShowOptions {
  readonly location?: string;
  readonly date?: string;
  readonly json?: true;
}

export function registerSales(program: Command): void {
  program
    .command('sales')
    .description('what became of a sale')
    .command('show')
    .description(
      'what became of a sale, and how: from the queue, the event log (DATABASE_URL) and the outbox, where there ' +
        'is one (OUTBOX_DATABASE_URL, else DATABASE_URL); exits 1 where nobody has heard of it',
    )
    .argument('<id>', 'transaction id of the POS, job id, or sync key (ps-…)', notEmpty)
    .option('--location <id>', 'of this store alone', notEmpty)
    .option('--date <date>', 'of this business date alone, like 2026-11-24', calendarDate)
    .option('--json', 'as JSON')
    .action(show);
}

async function show(id: string, { location, date, json }: ShowOptions): Promise<void> {
  const wanted = { id, locationId: location, date };
  const traces = await readTraces(wanted);
  const sales = salesIn(traces, wanted);
  const redact = createRedactor(secretsOf());
  await write(
    json
      ? `${redactJson(JSON.stringify(salesRecord(sales, traces, wanted)), redact)}\n`
      : `${redact(renderSales(sales, traces, wanted))}\n`,
  );
  if (sales.length === 0) process.exitCode = 1;
}
