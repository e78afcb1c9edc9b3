import { describe, expect, it } from '@jest/globals';
import { entriesClaimed, entriesRead } from '../../src/events/stream-reply.ts';

const ENTRY = ['1-1', ['event', '{}', 'at', '1']];

describe('entriesRead', () => {
  it('takes the entries of the one stream, and none where none came', () => {
    expect(entriesRead([['key', [ENTRY, ['1-2', null]]]])).toEqual([
      { id: '1-1', fields: ['event', '{}', 'at', '1'] },
      { id: '1-2', fields: null },
    ]);
    expect(entriesRead(null)).toEqual([]);
  });

  it.each([
    ['no list', 'OK'],
    ['nothing', undefined],
    ['an empty list', []],
    [
      'two streams',
      [
        ['key', []],
        ['other', []],
      ],
    ],
    ['a stream without a name', [[1, []]]],
    ['a stream without entries', [['key', null]]],
    ['a stream with more', [['key', [], 1]]],
    ['an entry without an id', [['key', [[1, []]]]]],
    ['an entry without fields', [['key', [['1-1']]]]],
    ['an entry with more', [['key', [[...ENTRY, 1]]]]],
    ['a field that is no text', [['key', [['1-1', ['event', 1]]]]]],
  ])('refuses %s', (_, reply) => {
    expect(() => entriesRead(reply)).toThrow('something else than entries');
  });
});

describe('entriesClaimed', () => {
  it('takes the entries, and passes over what was deleted while it was pending', () => {
    expect(entriesClaimed(['0-0', [null, ENTRY], ['1-3']])).toEqual([
      { id: '1-1', fields: ['event', '{}', 'at', '1'] },
    ]);
  });

  it.each([
    ['nothing', null],
    ['no cursor', [0, []]],
    ['no entries', ['0-0']],
  ])('refuses %s', (_, reply) => {
    expect(() => entriesClaimed(reply)).toThrow('something else than entries');
  });
});
