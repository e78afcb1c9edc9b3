/**
 * A POS that speaks HTTP and nothing else: it keeps each sale until the intake has it, and tries again by itself.
 *
 *   INTAKE_URL=http://127.0.0.1:3100 INTAKE_TOKEN=cxs_… node --import tsx scripts/examples/pos-with-http.ts
 */
import { setTimeout as delay } from 'node:timers/promises';

const url = process.env['INTAKE_URL'] ?? 'http://127.0.0.1:3100';
const headers = {
  authorization: `Bearer ${process.env['INTAKE_TOKEN']}`,
  'content-type': 'application/json',
};
const AGAIN_MS = 1_000;
const TIMEOUT_MS = 30_000;

/** Sales that are kept until the intake took them. Of a real POS they are on its disk. */
const kept: object[] = [];

function ringUp(id: string, total: unknown): void {
  const now = new Date().toISOString();
  const items = [{ sku: '73050', quantity: 2, price: 10.99 }];
  const transactions = [{ id, timestamp: now, total, items }];
  kept.push({ date: now.slice(0, 10), locationId: 'store-7', transactions });
}

/** Undefined: there was no answer, and nobody knows whether it arrived. */
async function post(sale: object): Promise<Response | undefined> {
  const body = JSON.stringify(sale);
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  return fetch(`${url}/v1/jobs/push_sales`, { method: 'POST', headers, body, signal }).catch(() => undefined);
}

/** To send again what may have arrived is safe: the same sale is the same job. */
async function sendKept(): Promise<void> {
  for (let sale = kept[0]; sale !== undefined; sale = kept[0]) {
    const answer = await post(sale);
    const status = answer?.status ?? 0;
    if (status === 0 || status === 408 || status === 429 || status >= 500) {
      const seconds = Number(answer?.headers.get('retry-after') ?? 0);
      await delay(Math.max(seconds * 1_000, AGAIN_MS));
      continue;
    }
    kept.shift();
    const said: { jobId?: string; status: string; detail?: string } = JSON.parse(
      (await answer?.text()) ?? '',
    );
    // What is refused is refused for ever: a person has to look at it.
    console.log(status === 202 ? `${said.jobId} ${said.status}` : `refused: ${said.detail}`);
  }
}

ringUp(`R-${Date.now()}-1`, 21.98);
ringUp(`R-${Date.now()}-2`, '21.98');
ringUp(`R-${Date.now()}-3`, 21.98);
await sendKept();
const pending = await fetch(`${url}/v1/pending`, { headers });
console.log(`pending: ${pending.status}`);
