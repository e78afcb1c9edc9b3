import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CLAIM_IN_DOUBT } from '../../../src/circuit/claims.ts';
import { claimKey } from '../../../src/circuit/keys.ts';
import { keyOf, mended } from '../../sync/dead-letters/mending.ts';
import { sales } from '../../sync/sales.ts';
import { openShelf, type Shelf } from '../../sync/shelf.ts';
import { OPERATOR, type OpsHarness, startOps, VIEWER } from '../harness.ts';
import { post, refusal } from './harness.ts';

const PATH = '/api/dead-letters/repair';
const PAYLOAD = mended('a');
const KEY = keyOf(PAYLOAD);
const DIFFERENCES = [{ path: 'transactions[0].items[0].sku', from: '"16676"', to: '"16677"' }];

let shelf: Shelf;
let ops: OpsHarness;

beforeEach(async () => {
  shelf = openShelf();
  ops = await startOps({ namespace: shelf.namespace });
  await shelf.died({ id: 'a', data: sales('a') });
});

afterEach(async () => {
  await ops.close();
  shelf.close();
});

const asked = { id: 'a', payload: PAYLOAD, reason: 'a typo' };
const expectUntouched = async () => {
  expect(await shelf.idsOf({})).toEqual(['a']);
  expect(await shelf.waiting()).toEqual([]);
};

describe('repair', () => {
  it('a dry run says what differs, and changes nothing', async () => {
    const { reason: _none, ...rest } = asked;
    const answer = await post(ops, PATH, { ...rest, dryRun: true });
    expect(answer.json()).toEqual({
      dryRun: true,
      replaced: 'a',
      jobId: KEY,
      locationId: 'store-1',
      transactionIds: ['sale-a'],
      differences: DIFFERENCES,
      moreDifferences: 0,
      inDoubt: false,
    });
    await expectUntouched();
  });

  it('sends the edited sale in place of the dead one, with who and why in the audit trail', async () => {
    const answer = await post(ops, PATH, asked);
    expect(answer.json()).toMatchObject({ replaced: 'a', jobId: KEY, differences: DIFFERENCES });
    expect(await shelf.waiting()).toEqual([KEY]);
    expect(await shelf.idsOf({})).toEqual([]);
    expect(await ops.audited()).toMatchObject([
      {
        type: 'conexxus.operator.repair',
        aggregateId: 'a',
        payload: { actor: OPERATOR.user, reason: 'a typo', replacedBy: KEY },
      },
      { type: 'conexxus.sync.replaced.push_sales', aggregateId: 'a' },
      { type: 'conexxus.sync.replaces.push_sales', aggregateId: KEY },
    ]);
    expect(refusal(await post(ops, PATH, asked))).toMatchObject({
      status: 409,
      kind: 'repair-refused',
      detail: expect.stringContaining('There is no dead letter a'),
    });
  });

  it('names every problem of the payload with its path', async () => {
    const payload = { ...PAYLOAD, locationId: 'store-2' };
    expect(refusal(await post(ops, PATH, { ...asked, payload }))).toMatchObject({
      status: 422,
      kind: 'invalid-request',
      detail: expect.stringMatching(/^payload\.locationId must stay "store-1"/),
    });
    const text = JSON.stringify(asked).replace('"total":30.7', '"total":6035710012345678901');
    expect(refusal(await post(ops, PATH, text))).toMatchObject({
      status: 422,
      detail: expect.stringMatching(/^payload\.transactions\[0\]\.total 6035710012345678901 would arrive as/),
    });
    expect(refusal(await post(ops, PATH, { id: 'a', reason: 'x' }))).toMatchObject({
      status: 422,
      detail: expect.stringMatching(/^payload /),
    });
    expect(refusal(await post(ops, PATH, { id: 'a', payload: PAYLOAD }))).toMatchObject({
      status: 422,
      detail: expect.stringMatching(/^reason must say why/),
    });
    await expectUntouched();
  });

  it('what Conexxus may have goes only where it is said that it has it not', async () => {
    await shelf.redis.set(claimKey(shelf.namespace, keyOf(sales('a'))), CLAIM_IN_DOUBT);
    const refused = await post(ops, PATH, asked);
    expect(refusal(refused)).toMatchObject({ status: 409, kind: 'repair-refused' });
    expect(refused.json()).toMatchObject({ inDoubt: true });
    await expectUntouched();
    expect((await post(ops, PATH, { ...asked, inDoubt: true })).json()).toMatchObject({ inDoubt: true });
  });

  it('is nothing for a viewer, nor for another site', async () => {
    expect((await post(ops, PATH, asked, { as: VIEWER })).status).toBe(403);
    const headers = { 'content-type': 'application/json', origin: 'https://evil.test' };
    expect((await post(ops, PATH, asked, { headers })).status).toBe(403);
    await expectUntouched();
  });
});
