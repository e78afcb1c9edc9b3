import { describe, expect, it } from '@jest/globals';
import type { Standing } from '../../src/events/fates.ts';
import { type Circumstances, nextStep } from '../../src/outbox/fate.ts';

const at = new Date(0);
const OPEN: Standing = { kind: 'open' };
const DELIVERED: Standing = { kind: 'delivered', at, flagged: false, refused: [] };
const FLAGGED: Standing = { kind: 'delivered', at, flagged: true, refused: ['a'] };
const DEAD: Standing = { kind: 'dead', at, outcome: 'rejected', reason: 'HTTP_422: no' };
const DISCARDED: Standing = { kind: 'discarded', at, reason: 'a test' };
const REPLACED: Standing = { kind: 'replaced', at, reason: 'a typo', by: 'ps-b' };
const SPLIT: Standing = { kind: 'split', at, halves: ['ps-a', 'ps-b'] };
const STANDINGS = [OPEN, DELIVERED, FLAGGED, DEAD, DISCARDED, REPLACED, SPLIT];

/** Short: what it does, and what its row says then. */
function said(circumstances: Partial<Circumstances>): string {
  const step = nextStep({
    state: 'open',
    queue: 'waiting',
    standing: OPEN,
    isWritten: true,
    hasSeveralMembers: false,
    maySplit: false,
    isOld: false,
    ...circumstances,
  });
  if (step.kind === 'split') return `split ${step.from}`;
  if (step.kind !== 'settle') return step.kind;
  const { state, reason, refused } = step.ending;
  return [state, ...(reason === null ? [] : [reason]), ...refused].join(': ');
}

describe('the next step of a payload', () => {
  it.each(STANDINGS)('that waits or is called is to wait, whatever the log says ($kind)', (standing) => {
    for (const queue of ['waiting', 'active', 'delayed'] as const) {
      expect(said({ queue, standing })).toBe('wait');
      // A person brought it back.
      expect(said({ queue, standing, state: 'dead' })).toBe('open');
    }
  });

  it('that fails again and again is to split it, if it has several members and no try is in doubt', () => {
    expect(said({ queue: 'delayed', hasSeveralMembers: true, maySplit: true })).toBe('split delayed');
    expect(said({ queue: 'delayed', hasSeveralMembers: true })).toBe('wait');
    expect(said({ queue: 'delayed', maySplit: true })).toBe('wait');
    const delivered = { hasSeveralMembers: true, maySplit: true, standing: DELIVERED };
    expect(said({ queue: 'delayed', ...delivered })).toBe('wait');
  });

  it('that died with several members is to split it, once it is known that it was not delivered', () => {
    expect(said({ queue: 'failed', hasSeveralMembers: true })).toBe('split failed');
    expect(said({ queue: 'failed', hasSeveralMembers: true, standing: DEAD })).toBe('split failed');
    expect(said({ queue: 'failed', hasSeveralMembers: true, isWritten: false })).toBe('look-soon');
    // A worker that was frozen said so after another had it die.
    expect(said({ queue: 'failed', hasSeveralMembers: true, standing: DELIVERED })).toBe('delivered');
  });

  it('that died alone is to say why', () => {
    expect(said({ queue: 'failed', standing: DEAD })).toBe('dead: HTTP_422: no');
    expect(said({ queue: 'failed', standing: DEAD, isWritten: false })).toBe('dead: HTTP_422: no');
    expect(said({ queue: 'failed', isWritten: false })).toBe('look-soon');
    expect(said({ queue: 'failed' })).toBe('dead: its row is not in the event log');
    expect(said({ queue: 'failed', standing: DELIVERED })).toBe('delivered');
    for (const standing of [OPEN, DEAD, DISCARDED, SPLIT]) {
      expect(said({ queue: 'failed', state: 'dead', standing })).toBe('wait');
    }
    expect(said({ queue: 'failed', state: 'dead', standing: DELIVERED })).toBe('delivered');
  });

  it('that is done is to say how', () => {
    expect(said({ queue: 'completed', standing: DELIVERED, isWritten: false })).toBe('delivered');
    expect(said({ queue: 'completed', standing: FLAGGED })).toBe('flagged: a');
    for (const standing of [OPEN, DEAD, DISCARDED, SPLIT]) {
      expect(said({ queue: 'completed', standing, isWritten: false })).toBe('look-soon');
      expect(said({ queue: 'completed', standing })).toBe('delivered: its row is not in the event log');
    }
    expect(said({ queue: 'completed', state: 'dead', standing: DELIVERED })).toBe('delivered');
  });

  it.each(['gone', 'delivered'] as const)(
    'that the queue does not know (%s) is what the log says',
    (queue) => {
      for (const standing of STANDINGS) expect(said({ queue, standing, isWritten: false })).toBe('look-soon');
      expect(said({ queue, standing: DELIVERED })).toBe('delivered');
      expect(said({ queue, standing: FLAGGED })).toBe('flagged: a');
      expect(said({ queue, standing: DISCARDED })).toBe('discarded: a test');
      expect(said({ queue, standing: DEAD })).toBe(
        'dead: HTTP_422: no (its dead letter is gone from the queue)',
      );
    },
  );

  it('that nobody knows is to send it again, until it is so old that nobody would remember its delivery', () => {
    for (const standing of [OPEN, SPLIT]) {
      expect(said({ queue: 'gone', standing })).toBe('send-again');
      expect(said({ queue: 'gone', standing, isOld: true })).toBe('apart: fate unknown');
      expect(said({ queue: 'gone', standing, isWritten: false, isOld: true })).toBe('look-soon');
    }
  });

  it('that was dead and is gone is to wait for a person, unless the log knows of its end', () => {
    for (const standing of [OPEN, DEAD, SPLIT]) {
      for (const isOld of [false, true]) {
        expect(said({ queue: 'gone', state: 'dead', standing, isOld })).toBe('wait');
      }
    }
    expect(said({ queue: 'gone', state: 'dead', standing: DISCARDED })).toBe('discarded: a test');
    expect(said({ queue: 'gone', state: 'dead', standing: DELIVERED })).toBe('delivered');
  });

  it('that is being split is to finish it where it is out of the queue, and else to let it be', () => {
    const splitting = { state: 'splitting', hasSeveralMembers: true } as const;
    for (const queue of ['waiting', 'active', 'delayed', 'failed', 'completed'] as const) {
      for (const standing of STANDINGS) {
        expect(said({ ...splitting, queue, standing })).toBe('abandon-split');
      }
    }
    for (const queue of ['gone', 'delivered'] as const) {
      expect(said({ ...splitting, queue, standing: SPLIT, isWritten: false })).toBe('look-soon');
      expect(said({ ...splitting, queue, standing: SPLIT })).toBe('finish-split');
      for (const standing of [OPEN, DELIVERED, DEAD, DISCARDED]) {
        expect(said({ ...splitting, queue, standing })).toBe('abandon-split');
      }
    }
  });

  it('that a person edited into another sale is to close it, once it is out of the queue and all is written', () => {
    for (const state of ['open', 'dead'] as const) {
      expect(said({ queue: 'gone', standing: REPLACED, state })).toBe('replace');
      expect(said({ queue: 'gone', standing: REPLACED, state, isWritten: false })).toBe('look-soon');
    }
    expect(said({ queue: 'gone', standing: REPLACED, state: 'splitting' })).toBe('abandon-split');
  });
});
