import { describe, expect, it } from '@jest/globals';
import { readCalls } from '../../../scripts/soak/calls.ts';
import type { LedgerEntry } from '../../support/simulator/protocol.ts';

const TIMEOUT_MS = 3_000;
const AT = 1_000_000;

/** A call that was applied and answered well, 20 ms after it came. */
function call(key: string, receivedAt: number, but: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    seq: 1,
    receivedAt,
    endedAt: receivedAt + 20,
    method: 'POST',
    path: '/api/v1/sales/push',
    key,
    apiKey: null,
    locationId: 'store-1',
    date: '2026-11-20',
    transactionIds: ['a'],
    applied: true,
    duplicate: false,
    status: 200,
    fault: null,
    inFlight: 1,
    inFlightOnPath: 1,
    ...but,
  };
}

describe('which answers were lost', () => {
  it('two good answers in quiet times: none was lost, the sale was sent again', () => {
    const ledger = [call('a', AT), call('a', AT + 60_000)];
    expect(readCalls(ledger, [], TIMEOUT_MS).lostAnswers.has('a')).toBe(false);
  });

  it.each([
    ['HTML', { fault: 'mode:html', applied: false }],
    ['a truncated answer', { fault: 'mode:truncated' }],
    ['another shape', { fault: 'wrongShape' }],
    ['an answer after the timeout', { endedAt: AT + TIMEOUT_MS }],
  ])('%s was lost; the call after it may come', (_what, but) => {
    const ledger = [call('a', AT, but), call('a', AT + 60_000, { duplicate: true })];
    const { lostAnswers, repeated } = readCalls(ledger, [], TIMEOUT_MS);
    expect([lostAnswers.has('a'), repeated]).toEqual([true, 1]);
  });

  it('one lost answer excuses one more call, not two', () => {
    const ledger = [
      call('a', AT, { fault: 'mode:truncated' }),
      call('a', AT + 60_000),
      call('a', AT + 120_000),
    ];
    expect(readCalls(ledger, [], TIMEOUT_MS).lostAnswers.has('a')).toBe(false);
  });

  it.each([
    ['in the middle of the call', { from: AT + 10, to: AT + 11 }, true, 1],
    ['before the answer was recorded', { from: AT + 100, to: AT + 200 }, true, 1],
    ['long after', { from: AT + 10_000, to: AT + 11_000 }, false, 2],
    ['before the call', { from: AT - 1_000, to: AT - 1 }, false, 2],
    ['and still', { from: AT - 1_000, to: Number.POSITIVE_INFINITY }, true, undefined],
  ])('a worker was killed, or Redis away, %s', (_when, window, lost, alsoLogged) => {
    const { lostAnswers, recordable } = readCalls(
      [call('a', AT), call('a', AT + 60_000)],
      [window],
      TIMEOUT_MS,
    );
    expect(lostAnswers.has('a')).toBe(lost);
    expect(recordable.get('a')).toBe(alsoLogged);
  });
});

it('a rejection is known by its status, a sale by whether it was applied', () => {
  const ledger = [call('a', AT), call('b', AT, { status: 422, applied: false })];
  const { applied, rejected } = readCalls(ledger, [], TIMEOUT_MS);
  expect([[...applied], [...rejected]]).toEqual([['a'], ['b']]);
});
