import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { InvalidPayloadError, type PushSales } from '../../src/index.ts';
import { startProcess } from '../support/process.ts';
import { makeSales } from '../support/sales.ts';
import { type FaultStand, startFaultStand } from './fault-stand.ts';

const CARD = '6035710012345678901';
const PATH = 'transactions[0].loyaltyCard';
const folder = mkdtempSync(join(tmpdir(), 'conexxus-numbers-'));
let stand: FaultStand;

beforeAll(async () => {
  stand = await startFaultStand({ simulator: { keepBodies: true } });
  await stand.startWorker();
}, 60_000);

afterAll(async () => {
  await stand.close();
  rmSync(folder, { recursive: true });
});

/** A sale with this as the number of the customer's card, as JSON. */
function saleWith(batch: string, card: string): string {
  const [sale] = makeSales(1, batch);
  return JSON.stringify(sale).replace('"transactions":[{', `"transactions":[{"loyaltyCard":${card},`);
}

const asData = (json: string): PushSales => JSON.parse(json);

async function command(...args: string[]) {
  const process = startProcess('dist/cli.js', stand.env, args);
  const { code } = await process.exited;
  return {
    code,
    out: process.logs.map(({ msg }) => msg).join('\n'),
    err: process.stderr(),
    logs: process.logs,
  };
}

function enqueueFile(content: string) {
  const path = join(folder, 'sales.jsonl');
  writeFileSync(path, content);
  return command('enqueue', 'push_sales', '--file', path);
}

/** As a client in another language writes it: with all its digits. */
async function addAsAnotherClient(jobId: string, json: string): Promise<void> {
  await stand.queue.pause();
  await stand.queue.add('push_sales', {}, { jobId });
  stand.accept(jobId);
  await stand.redis.hset(stand.queue.toKey(jobId), 'data', json);
  await stand.queue.resume();
}

describe('a number that a double cannot hold', () => {
  it('[70] by the command line: refused with its path, in lines and in a document; the others go', async () => {
    const bad = saleWith('row-70-line', CARD);
    const good = JSON.stringify(makeSales(1, 'row-70-beside')[0]);
    const lines = await enqueueFile(`${good}\n${bad}\n`);
    expect(lines).toMatchObject({ code: 1, out: 'push_sales: 1 accepted, 0 already known, 1 refused' });
    expect(lines.err).toBe(
      `line 2 refused: ${PATH}: ${CARD} would arrive as 6035710012345679000: send it as text\n`,
    );
    const decimals = saleWith('row-70-decimals', '0.12345678901234567891');
    const items = await enqueueFile(`[${good},\n${decimals}, ${good}]`);
    expect(items).toMatchObject({
      code: 1,
      out: expect.stringContaining('0 accepted, 2 already known, 1 refused'),
    });
    expect(items.err).toMatch(
      /^item 2 refused: transactions\[0\]\.loyaltyCard: 0\.12345678901234567891 would arrive as /,
    );
    for (const { jobId } of await stand.producer.pushSalesMany([asData(good)])) stand.accept(jobId);
    await stand.untilAtRest();
    await stand.expectSums();
  }, 40_000);

  it('[70] by the library: refused with its path', async () => {
    const refusal: unknown = await stand.producer
      .pushSales(asData(saleWith('row-70-library', CARD)))
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(InvalidPayloadError);
    expect(refusal).toMatchObject({
      problems: [
        { path: PATH, message: expect.stringMatching(/^6035710012345679000 is beyond .* send it as text$/) },
      ],
    });
  });

  it('[70] by another client: dead-lettered with its path, shown with its own digits, never sent', async () => {
    await addAsAnotherClient('row-70-client', saleWith('row-70-client', CARD));
    await stand.untilAtRest();
    expect(await stand.states(['row-70-client'])).toEqual(['failed']);
    const shown = await command('dead-letters', 'show', 'row-70-client', '--json');
    expect(shown.logs[0]).toMatchObject({
      reason: expect.stringContaining(`${PATH}: 6035710012345679000 is beyond 2^53 - 1`),
      data: { transactions: [{ loyaltyCard: CARD }] },
    });
    const { requests } = await stand.simulator.summary();
    expect(await stand.calls('row-70-client')).toEqual([]);
    await stand.expectSums();
    expect((await stand.simulator.summary()).requests).toBe(requests);
  }, 40_000);

  it.each([
    ['text', `"${CARD}"`],
    ['2^53 - 1', '9007199254740991'],
  ])(
    '[70] as %s: delivered unchanged, whichever way it came',
    async (what, card) => {
      const ways = ['line', 'library', 'client'].map((way) =>
        saleWith(`row-70-${what}-${way}`.replaceAll(' ', ''), card),
      );
      const [line = '', library = '', client = ''] = ways;
      expect(await enqueueFile(line)).toMatchObject({ code: 0 });
      const jobIds = await stand.enqueue([asData(line), asData(library)]);
      const clientsId = `row-70-good-${what.length}`;
      await addAsAnotherClient(clientsId, client);
      await stand.untilAtRest();
      expect(await stand.states([...jobIds, clientsId])).toEqual(['completed', 'completed', 'completed']);
      const bodies = (await stand.simulator.ledger({})).map(({ body }) => body);
      expect(bodies).toEqual(expect.arrayContaining(ways));
      await stand.expectSums();
    },
    40_000,
  );
});
