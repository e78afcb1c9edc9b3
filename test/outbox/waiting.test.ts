import { describe, expect, it } from '@jest/globals';
import { createWaiting, gather, type Unit } from '../../src/outbox/waiting.ts';

let line = 0;

function unit(more: Partial<Unit> = {}): Unit {
  line += 1;
  return {
    locationId: 'store-1',
    lines: [line],
    groupKey: 'a day',
    transactionIds: [`t-${line}`],
    bytes: 100,
    since: line,
    ...more,
  };
}
const units = (count: number, more: Partial<Unit> = {}) => Array.from({ length: count }, () => unit(more));
const LIMITS = { batch: 10, perStore: 2, onlyFull: false };
const linesOf = (chosen: readonly Unit[] | undefined) => chosen?.flatMap(({ lines }) => lines);

/** Of one payload after the other, with what is in the queue already. */
function drain(waiting: ReturnType<typeof createWaiting>, inQueue = new Map<string, number>()): Unit[][] {
  const payloads: Unit[][] = [];
  for (;;) {
    const next = waiting.next((locationId) => inQueue.get(locationId) ?? 0, LIMITS);
    const [first] = next ?? [];
    if (next === undefined || first === undefined) return payloads;
    payloads.push(next);
    inQueue.set(first.locationId, (inQueue.get(first.locationId) ?? 0) + 1);
  }
}

describe('what waits', () => {
  it('goes store by store, the stores in turn, at most two payloads of one store', () => {
    const waiting = createWaiting();
    waiting.add(units(100, { locationId: 'busy' }));
    waiting.add(units(1, { locationId: 'quiet' }));
    waiting.add(units(15, { locationId: 'middling' }));
    const payloads = drain(waiting, new Map([['middling', 1]]));
    expect(payloads.map(([first]) => first?.locationId)).toEqual(['busy', 'quiet', 'middling', 'busy']);
    expect(payloads.map(({ length }) => length)).toEqual([10, 1, 10, 10]);
    expect(waiting.stores().get('busy')).toMatchObject({ sales: 80, more: false });
    expect(waiting.stores().has('quiet')).toBe(false);
  });

  it('of a store without room keeps its turn', () => {
    const waiting = createWaiting();
    waiting.add([unit({ locationId: 'full' }), unit({ locationId: 'free' })]);
    const inQueue = new Map([['full', 2]]);
    expect(drain(waiting, inQueue).map(([first]) => first?.locationId)).toEqual(['free']);
    inQueue.set('full', 1);
    expect(drain(waiting, inQueue).map(([first]) => first?.locationId)).toEqual(['full']);
  });

  it('is kept up to 5,000 a store; the rest is asked for behind the last one when these are gone', () => {
    const waiting = createWaiting();
    const kept = units(5_000);
    waiting.add([...kept, ...units(3), unit({ locationId: 'other' })]);
    expect(waiting.hungry()).toBeUndefined();
    const inQueue = () => 0;
    const taken: number[] = [];
    for (let store = waiting.hungry(); store === undefined; store = waiting.hungry()) {
      const next = waiting.next(inQueue, LIMITS);
      if (next?.[0]?.locationId === 'store-1') taken.push(...(linesOf(next) ?? []));
    }
    expect(taken).toEqual(linesOf(kept));
    expect(waiting.hungry()).toEqual({ locationId: 'store-1', after: taken.at(-1) });
    // What comes meanwhile is behind it, and read with it.
    waiting.add(units(1));
    expect(waiting.next(inQueue, LIMITS)).toBeUndefined();
    const fed = units(2);
    waiting.fed('store-1', fed, true);
    expect(linesOf(waiting.next(inQueue, LIMITS))).toEqual(linesOf(fed));
    expect(waiting.hungry()).toEqual({ locationId: 'store-1', after: fed.at(-1)?.lines.at(-1) });
    waiting.fed('store-1', [], false);
    expect(waiting.hungry()).toBeUndefined();
    expect(waiting.stores().size).toBe(0);
  });

  it('counts a summary without sales as one', () => {
    const waiting = createWaiting();
    waiting.add([unit({ transactionIds: [], since: 7 }), unit({ transactionIds: ['a', 'b'] })]);
    expect(waiting.stores().get('store-1')).toEqual({ sales: 3, since: 7, more: false });
  });
});

describe('a payload', () => {
  it('holds as many transactions as the batch, and never half a row', () => {
    const rows = [
      unit({ transactionIds: ['a', 'b', 'c'] }),
      unit({ transactionIds: ['d', 'e'] }),
      unit({ transactionIds: ['f'] }),
    ];
    const [first, second, third] = rows;
    const left = [...rows];
    expect(gather(left, 4)).toEqual([first, third]);
    expect(gather(left, 4)).toEqual([second]);
    expect(gather(left, 4)).toEqual([]);
    expect(gather([...rows], 1)).toEqual([first]);
  });

  it('holds a row that is larger than the batch by itself', () => {
    const large = unit({ transactionIds: ['a', 'b', 'c'] });
    expect(gather([large, unit()], 2)).toEqual([large]);
  });

  it('weighs at most 1 MB, but for one row alone', () => {
    const [heavy, heavier, light] = [unit({ bytes: 700_000 }), unit({ bytes: 700_000 }), unit()];
    expect(gather([heavy, heavier, light], 10)).toEqual([heavy, light]);
  });

  it('holds one group, and what travels alone alone', () => {
    const [alone, one, foreign, other] = [
      unit({ groupKey: null }),
      unit(),
      unit({ groupKey: 'another day' }),
      unit(),
    ];
    const left = [alone, one, foreign, other];
    expect(gather(left, 10)).toEqual([alone]);
    expect(gather(left, 10)).toEqual([one, other]);
    expect(gather(left, 10)).toEqual([foreign]);
  });

  it('never holds a sale and its correction', () => {
    const [sold, corrected, other] = [
      unit({ transactionIds: ['a'] }),
      unit({ transactionIds: ['a'] }),
      unit(),
    ];
    const left = [sold, corrected, other];
    expect(gather(left, 10)).toEqual([sold, other]);
    expect(gather(left, 10)).toEqual([corrected]);
  });

  it('never holds a correction of what is passed over', () => {
    const [first, foreign, corrected] = [
      unit(),
      unit({ groupKey: 'another register', transactionIds: ['a'] }),
      unit({ transactionIds: ['a'] }),
    ];
    const left = [first, foreign, corrected];
    expect(gather(left, 10)).toEqual([first]);
    expect(gather(left, 10)).toEqual([foreign]);
    expect(gather(left, 10)).toEqual([corrected]);
  });

  it('goes only in whole payloads while there is more to take', () => {
    const waiting = createWaiting();
    waiting.add(units(9, { locationId: 'few' }));
    waiting.add(units(10, { locationId: 'many' }));
    const onlyFull = { ...LIMITS, onlyFull: true };
    expect(waiting.next(() => 0, onlyFull)?.map(({ locationId }) => locationId)).toEqual(
      Array(10).fill('many'),
    );
    expect(waiting.next(() => 0, onlyFull)).toBeUndefined();
    expect(waiting.next(() => 0, LIMITS)).toHaveLength(9);
  });
});
