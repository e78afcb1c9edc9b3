import { readFileSync } from 'node:fs';
import { errorMessage } from '../../src/base/errors.ts';
import type { PushSales } from '../../src/index.ts';
import { pushSales } from '../../src/sync/jobs/payload.ts';
import { makeSales } from '../../test/support/sales.ts';

const MADE_UP = 200;

/** Payloads without end; no transaction comes twice. */
export function* endlessSales(file: string | undefined): Generator<PushSales, never> {
  const payloads = file === undefined ? makeSales(MADE_UP) : readSales(file);
  for (let lap = 1; ; lap += 1) {
    for (const payload of payloads) yield renewed(payload, lap);
  }
}

function renewed(payload: PushSales, lap: number): PushSales {
  const transactions = payload.transactions.map((sale) => ({ ...sale, id: `${sale.id}-lap-${lap}` }));
  return { ...payload, transactions };
}

/** Each must have transactions: without their ids there is nothing to tell a repetition by. */
const soakable = pushSales.refine(({ transactions }) => transactions.length > 0, {
  error: 'has no transactions',
});

function readSales(file: string): PushSales[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  const payloads = lines.flatMap((line, index) => {
    if (line.trim() === '') return [];
    try {
      return [soakable.parse(JSON.parse(line))];
    } catch (error) {
      throw new Error(`${file}, line ${index + 1}: ${errorMessage(error)}`, { cause: error });
    }
  });
  if (payloads.length === 0) throw new Error(`${file} holds no payload`);
  return payloads;
}
