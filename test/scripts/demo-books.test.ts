import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { compareBooks } from '../../scripts/demo/books.ts';
import type { Screen } from '../../scripts/demo/screen.ts';
import { makeSales } from '../support/sales.ts';
import { type Stand, startStand } from '../support/stand.ts';

describe('the books at the end of the demo', () => {
  let stand: Stand;
  let shown: string[];

  beforeEach(async () => {
    stand = await startStand();
    shown = [];
  });
  afterEach(() => stand.close());

  function compare(accepted: readonly string[]): Promise<void> {
    const screen: Pick<Screen, 'heading' | 'note' | 'print'> = {
      heading: () => undefined,
      note: (text) => shown.push(text),
      print: (lines) => shown.push(...lines),
    };
    return compareBooks(stand, screen, accepted);
  }

  /** Past the queue, as nobody should. */
  async function callApi(key: string): Promise<void> {
    const answer = await fetch(`${stand.simulator.url}/api/v1/sales/push`, {
      method: 'POST',
      headers: { 'x-api-key': stand.simulator.apiKey, 'idempotency-key': key },
      body: JSON.stringify(makeSales(1)[0]),
    });
    expect(answer.status).toBe(200);
  }

  it('balance where every accepted sale is somewhere', async () => {
    await compare(await stand.enqueue(makeSales(3)));
    expect(shown).toEqual(expect.arrayContaining([expect.stringMatching(/^ {2}waiting +3 {2}Redis$/)]));
    expect(shown.at(-1)).toMatch(/^They balance/);
  });

  it('do not balance where an accepted sale is nowhere', async () => {
    const accepted = await stand.enqueue(makeSales(1));
    await expect(compare([...accepted, 'ps-gone'])).rejects.toMatchObject({
      code: 'UNBALANCED_BOOKS',
      message: expect.stringContaining('1 lost: ps-gone'),
    });
    expect(shown.at(-1)).not.toMatch(/^They balance/);
  });

  it('do not balance where Conexxus has what no queue and no event row knows of, or has it twice', async () => {
    await callApi('one');
    await callApi('two');
    await expect(compare([])).rejects.toThrow(
      /applied twice: store-1\/a-0\n.*0 delivered, but 2 applied.*\n.*2 calls with a sale, but 0 rows/,
    );
  });
});
