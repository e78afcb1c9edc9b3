import { describe, expect, it } from '@jest/globals';
import { findRefusals } from '../../src/conexxus/refusals.ts';

const SENT = ['T-1', 'T-2', 'T-3', '4'];

describe('a success that refuses a part', () => {
  it.each<[string, unknown, string[]]>([
    ['a list of refused entries', { accepted: 2, rejected: [{ id: 'T-2', reason: 'unknown SKU' }] }, ['T-2']],
    ['a list of refused ids', { accepted: ['T-1', 'T-3'], rejected: ['T-2'] }, ['T-2']],
    ['another word and another name', { failedTransactions: [{ transaction_id: 'T-3' }] }, ['T-3']],
    ['a map by id', { errors: { 'T-2': 'unknown SKU' } }, ['T-2']],
    [
      'a status for each',
      [
        { id: 'T-1', status: 201 },
        { id: 'T-2', status: 422 },
      ],
      ['T-2'],
    ],
    [
      'a status as text',
      [
        { id: 'T-1', status: '200 OK' },
        { id: 'T-2', status: '409 Conflict' },
      ],
      ['T-2'],
    ],
    [
      'a word for each',
      {
        results: [
          { id: 'T-1', state: 'ACCEPTED' },
          { id: 'T-3', state: 'REJECTED' },
        ],
      },
      ['T-3'],
    ],
    [
      'yes or no for each',
      {
        results: [
          { id: 'T-1', ok: true },
          { id: 'T-2', ok: false },
        ],
      },
      ['T-2'],
    ],
    [
      'an error for each',
      [
        { id: 'T-1', error: null },
        { id: 'T-2', error: { message: 'closed' } },
      ],
      ['T-2'],
    ],
    ['ids as numbers', { rejected: [{ id: 4 }] }, ['4']],
    ['several, in the order in which they were sent', { rejected: ['T-3', 'T-1'] }, ['T-1', 'T-3']],
    ['ids of others only', { rejected: [{ index: 1, reason: 'unknown SKU' }] }, []],
    ['a text alone', { errors: ['Transaction T-2: unknown SKU'] }, []],
    ['refusals beside the data', { success: true, data: {}, rejected: ['T-2'] }, ['T-2']],
  ])('%s', (_name, data, ids) => {
    expect(findRefusals(data, SENT)).toEqual({ found: true, ids });
  });
});

describe('a success that refuses nothing', () => {
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['the ids that were accepted', { accepted: ['T-1', 'T-2', 'T-3'], rejected: [] }],
    ['counts of none', { accepted: 3, rejected: 0, failed: '0', errors: null }],
    [
      'a status for each',
      [
        { id: 'T-1', status: 200 },
        { id: 'T-2', status: 'accepted' },
      ],
    ],
    ['an error that is none', [{ id: 'T-1', errorCode: '0', error: 'none', errorMessage: '' }]],
    ['an echo of what was sent', { transactions: [{ id: 'T-1', total: 422, items: [{ sku: 'T-2' }] }] }],
    ['success for each', [{ id: 'T-1', success: true }]],
  ])('%s', (_name, data) => {
    expect(findRefusals(data, SENT)).toEqual({ found: false, ids: [] });
  });

  it('nested deeper than any stack', () => {
    let deep: unknown = ['T-2'];
    for (let depth = 0; depth < 200_000; depth += 1) deep = [deep];
    expect(findRefusals({ accepted: deep }, SENT)).toEqual({ found: false, ids: [] });
    expect(findRefusals({ rejected: deep }, SENT)).toEqual({ found: true, ids: ['T-2'] });
  });
});
