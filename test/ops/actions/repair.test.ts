import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CLAIM_IN_DOUBT } from '../../../src/circuit/claims.ts';
import { claimKey } from '../../../src/circuit/keys.ts';
import { keyOf, mended } from '../../sync/dead-letters/mending.ts';
import { sales } from '../../sync/sales.ts';
import { openShelf, type Shelf } from '../../sync/shelf.ts';
import { OPERATOR, type OpsHarness, startOps, VIEWER } from '../harness.ts';
import { open, send, textOf } from './harness.ts';

const PATH = '/act/dead-letters/repair';
const CARD = { payments: [{ kind: 'card', authorization: '012345' }] };

let shelf: Shelf;
let ops: OpsHarness;

beforeEach(async () => {
  shelf = openShelf();
  ops = await startOps({ namespace: shelf.namespace });
  await shelf.died({ id: 'a b', data: sales('a', CARD), reason: 'http_422: unknown item 16676' });
});

afterEach(async () => {
  await ops.close();
  shelf.close();
});

/** What a person finds in the field, as the browser reads it. */
function fieldIn(page: string): string {
  const [, text = ''] = /<textarea[^>]*>([\s\S]*?)<\/textarea>/.exec(page) ?? [];
  return text.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&');
}

const post = (fields: Readonly<Record<string, string>>) => send(ops, PATH, Object.entries(fields));
const expectUntouched = async () => {
  expect(await shelf.idsOf({})).toEqual(['a b']);
  expect(await shelf.waiting()).toEqual([]);
};

describe('a dead letter', () => {
  it('is edited in a form, looked at, and replaced; what is masked stays', async () => {
    const form = await open(ops, `${PATH}?id=a%20b`);
    expect(textOf(form)).toMatch(/a b.*unknown item 16676.*\[redacted\] stands for what nobody may see/);
    expect(form.text).not.toContain('012345');
    const payload = fieldIn(form.text).replace('16676', '16677');
    const preview = await post({ id: 'a b', payload });
    expect(preview.status).toBe(200);
    expect(textOf(preview)).toMatch(/transactions\[0\]\.items\[0\]\.sku "16676" "16677"/);
    expect(textOf(preview)).not.toContain('authorization "');
    await expectUntouched();
    const done = await post({ id: 'a b', payload, confirm: 'yes', reason: 'a typo' });
    const after = { ...mended('a'), ...CARD };
    expect(textOf(done)).toContain(`a b is closed, replaced by ${keyOf(after)}`);
    expect(await shelf.waiting()).toEqual([keyOf(after)]);
    expect((await shelf.queue.getJob(keyOf(after)))?.data).toEqual(after);
    expect(await ops.audited()).toMatchObject([
      { type: 'conexxus.operator.repair', payload: { actor: OPERATOR.user, reason: 'a typo' } },
      { type: 'conexxus.sync.replaced.push_sales' },
      { type: 'conexxus.sync.replaces.push_sales' },
    ]);
  });

  it('is shown again with what is wrong, and what was typed', async () => {
    const payload = JSON.stringify({ ...mended('a'), locationId: 'store-2' });
    const refused = await post({ id: 'a b', payload });
    expect(refused.status).toBe(422);
    expect(textOf(refused)).toContain('payload.locationId must stay "store-1"');
    expect(fieldIn(refused.text)).toBe(payload);
    expect((await post({ id: 'a b', payload: 'no JSON' })).status).toBe(400);
    const without = await post({ id: 'a b', payload: JSON.stringify(mended('a')), confirm: 'yes' });
    expect(without.status).toBe(422);
    await expectUntouched();
  });

  it('that Conexxus may have asks for a word more', async () => {
    const before = sales('a', CARD);
    await shelf.redis.set(claimKey(shelf.namespace, keyOf(before)), CLAIM_IN_DOUBT);
    const payload = JSON.stringify(mended('a'));
    const refused = await post({ id: 'a b', payload });
    expect(refused.status).toBe(409);
    expect(refused.text).toContain('name="inDoubt"');
    const preview = await post({ id: 'a b', payload, inDoubt: 'true' });
    expect(textOf(preview)).toContain('if Conexxus has it, it will have both');
    await expectUntouched();
    await post({ id: 'a b', payload, inDoubt: 'true', confirm: 'yes', reason: 'asked them' });
    expect(await shelf.waiting()).toEqual([keyOf(mended('a'))]);
  });

  it('is led to from the list of those that are meant, and from its sale, and asked for where there is none', async () => {
    const list = await open(ops, '/act/dead-letters/replay?all=true');
    expect(list.text).toContain(`href="${PATH}?id=a+b"`);
    expect((await open(ops, '/sales/sale-a?search=all')).text).toContain(`href="${PATH}?id=a+b"`);
    const gone = await open(ops, `${PATH}?id=gone`);
    expect(gone.status).toBe(404);
    expect(textOf(gone)).toContain('There is no dead letter gone');
    expect(textOf(await open(ops, PATH))).toContain('Job id of the dead letter');
  });

  it('of many sales is left to the command line', async () => {
    const [one] = sales('a').transactions;
    const transactions = Array.from({ length: 500 }, (_, n) => ({ ...one, id: `sale-${n}` }));
    await shelf.died({ id: 'large', data: { ...sales(), transactions } });
    const page = textOf(await open(ops, `${PATH}?id=large`));
    expect(page).toContain('dead-letters repair large --file edited.json');
  });

  it('is nothing for a viewer, nor for another site', async () => {
    const fields = Object.entries({ id: 'a b', payload: '{}' });
    expect((await send(ops, PATH, fields, { as: VIEWER })).status).toBe(403);
    expect((await send(ops, PATH, fields, { headers: { origin: 'https://evil.test' } })).status).toBe(403);
  });
});
