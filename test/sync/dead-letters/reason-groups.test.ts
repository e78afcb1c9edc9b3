import { describe, expect, it } from '@jest/globals';
import type { DeadLetter } from '../../../src/sync/dead-letters/failed-jobs.ts';
import { createGrouping, groupKeyOf } from '../../../src/sync/dead-letters/reason-groups.ts';

function letter(reason: string, diedAt: number): DeadLetter {
  const id = `${reason} ${diedAt}`;
  return {
    id,
    job: 'push_sales',
    locationId: 's',
    transactionIds: [],
    diedAt,
    attempts: 1,
    reason,
    replays: 0,
    data: {},
  };
}

describe('reasons', () => {
  it.each([
    ['numbers', 'http_422: no such item 73050', 'http_422: no such item 9'],
    ['ids of letters and digits', 'http_422: T-1001 is closed', 'http_422: T-2 is closed'],
    [
      'random ids',
      'http_422: see 3f2a9c01-77aa-4bcd-9eee-0123456789ab',
      'http_422: see 00000000-1111-4bcd-8abc-fedcba987654',
    ],
    ['what is quoted', 'http_422: item "Crème" is unknown', 'http_422: item "" is unknown'],
    [
      'places in the payload',
      'invalid_data: transactions[0].items[12].price: must be a number',
      'invalid_data: transactions[7].items[1].price: must be a number',
    ],
  ])('are the same but for %s', (_what, one, other) => {
    expect(groupKeyOf(one)).toBe(groupKeyOf(other));
  });

  it.each([
    ['code', 'http_422: no such item', 'http_400: no such item'],
    ['words', 'http_422: no such item', 'http_422: no such store'],
    ['place', 'invalid_data: transactions[0].id: x', 'invalid_data: transactions[0].total: x'],
  ])('differ in their %s', (_what, one, other) => {
    expect(groupKeyOf(one)).not.toBe(groupKeyOf(other));
  });

  it('have keys that stay the same, since people copy them', () => {
    expect(groupKeyOf('http_422: no such item 73050')).toBe('27cb1dcb');
  });

  it.each(['', 'no colon', ':', 'code:'])('may be any text: %j', (reason) => {
    expect(groupKeyOf(reason)).toMatch(/^[0-9a-f]{8}$/);
  });
});

describe('a grouping', () => {
  it('counts, the largest group first, and tells the reason of the one that died last', () => {
    const grouping = createGrouping();
    const letters = [
      letter('http_422: no such item 1', 30),
      letter('http_400: bad', 40),
      letter('http_422: no such item 2', 50),
      letter('http_422: no such item 3', 10),
    ];
    for (const one of letters) grouping.add(one);
    expect(grouping.total()).toBe(4);
    expect(grouping.groups()).toEqual([
      {
        key: groupKeyOf('http_422: no such item 9'),
        count: 3,
        reason: 'http_422: no such item 2',
        newestAt: 50,
        oldestAt: 10,
      },
      { key: groupKeyOf('http_400: bad'), count: 1, reason: 'http_400: bad', newestAt: 40, oldestAt: 40 },
    ]);
  });
});
