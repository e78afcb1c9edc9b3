import { describe, expect, it } from '@jest/globals';
import type { Deaths } from '../../../src/ops/alerts/deaths.ts';
import { advance, NOTHING_KNOWN } from '../../../src/ops/alerts/incidents.ts';
import { type Due, dueMessages, markFailed } from '../../../src/ops/alerts/messages.ts';
import { aSender, judged, NO_DEATHS, NOW, PACE } from './judged.ts';

const MINUTE_MS = 60_000;
const names = (messages: readonly Due[]) =>
  messages.map(({ phase, body }) => `${body.data['alert']} ${phase}`);

describe('an incident', () => {
  it('of an hour of flapping is told once, and once that it is over, with its openings and what waited', () => {
    const sender = aSender();
    sender.see(judged(NOW));
    const messages: ReturnType<typeof sender.see> = [];
    for (let minute = 1; minute <= 60; minute += 1) {
      const at = NOW + minute * MINUTE_MS;
      const openings = Math.ceil(minute / 2);
      messages.push(
        ...sender.see(
          minute % 2 === 1
            ? judged(at, ['circuit'], { openings, waiting: minute * 10 })
            : judged(at, [], { openings, closedSince: at - 1_000 }),
        ),
      );
    }
    expect(names(messages)).toEqual(['circuit begun']);
    const closedSince = NOW + 60 * MINUTE_MS - 1_000;
    const late = (ms: number) => judged(closedSince + ms, [], { openings: 30, closedSince, waiting: 7 });
    expect(sender.see(late(PACE.settleMs - 1))).toEqual([]);
    const [over, ...more] = sender.see(late(PACE.settleMs));
    expect(more).toEqual([]);
    expect(over?.body.text).toBe(
      '[shop] The circuit is closed again: sales are sent. It lasted 59 min, 30 openings, from 2026-11-20 12:01:00 UTC ' +
        'to 2026-11-20 12:59:59 UTC. Delayed were at most 590 jobs at a time. 7 wait now.',
    );
    expect(over?.body.data).toMatchObject({
      phase: 'ended',
      durationMs: 59 * MINUTE_MS - 1_000,
      waitingMost: 590,
    });
    // The next one is a new one.
    expect(names(sender.see(judged(NOW + 9e6, ['circuit'], { openings: 31 })))).toEqual(['circuit begun']);
  });

  it('that opened and closed between two looks is told', () => {
    const sender = aSender();
    sender.see(judged(NOW, [], { openings: 4 }));
    expect(names(sender.see(judged(NOW + 5_000, [], { openings: 5 })))).toEqual(['circuit begun']);
    expect(names(sender.see(judged(NOW + PACE.settleMs, [], { openings: 5 })))).toEqual(['circuit ended']);
  });

  it('is not begun by what happened before alerts were switched on, nor by a Redis that was wiped', () => {
    const sender = aSender();
    expect(sender.see(judged(NOW, [], { openings: 9 }))).toEqual([]);
    expect(sender.see(judged(NOW + 1, [], { openings: 0 }))).toEqual([]);
  });

  it('goes on while nobody knows whether it does', () => {
    const sender = aSender();
    sender.see(judged(NOW, ['no-worker']));
    const unknown = new Set(['no-worker'] as const);
    expect(sender.see(judged(NOW + 9e6, [], { unknown, openings: null, closedSince: null }))).toEqual([]);
    sender.see(judged(NOW + 9e6));
    expect(names(sender.see(judged(NOW + 9e6 + PACE.settleMs)))).toEqual(['no-worker ended']);
  });

  it('that is not ripe is not told, but keeps one open that was', () => {
    const sender = aSender();
    const unripe = (at: number) => ({
      ...judged(at),
      holding: judged(at, ['no-worker']).holding.map((each) => ({ ...each, isRipe: false })),
    });
    expect(sender.see(unripe(NOW))).toEqual([]);
    sender.see(judged(NOW, ['no-worker']));
    sender.see(judged(NOW + 1));
    sender.see(unripe(NOW + PACE.settleMs));
    expect(sender.see(judged(NOW + PACE.settleMs + 1))).toEqual([]);
  });

  it('changes nothing where nothing changed', () => {
    const sender = aSender();
    sender.see(judged(NOW, ['no-worker']));
    const before = sender.memory();
    expect(advance(before, judged(NOW + 5_000, ['no-worker']), NO_DEATHS, PACE)).toBe(before);
  });

  it('is told under one id, whoever tries how often', () => {
    const first = advance(NOTHING_KNOWN, judged(NOW, ['no-worker']), NO_DEATHS, PACE);
    const [message] = dueMessages(first, 'shop', NOW, PACE);
    if (message === undefined) throw new Error('nothing to send');
    const again = advance(
      markFailed(first, message),
      judged(NOW + 9_000, ['no-worker'], { waiting: 5 }),
      NO_DEATHS,
      PACE,
    );
    expect(dueMessages(again, 'shop', NOW + 9_000, PACE)).toEqual([message]);
  });

  it('that was never told is told with its end, in their order', () => {
    let memory = advance(NOTHING_KNOWN, judged(NOW, ['redis']), NO_DEATHS, PACE);
    memory = advance(memory, judged(NOW + 1), NO_DEATHS, PACE);
    memory = advance(memory, judged(NOW + 1 + PACE.settleMs), NO_DEATHS, PACE);
    expect(names(dueMessages(memory, 'shop', NOW, PACE))).toEqual(['redis begun', 'redis ended']);
  });
});

describe('dead letters', () => {
  const died = (at: number, count: number, group = 'g1', reason = 'refused: no'): Deaths => ({
    groups: [{ group, count, reason, oldestAt: at, newestAt: at }],
    until: at,
  });

  it('of one reason are gathered, told once, and the rest when no more die', () => {
    const sender = aSender();
    sender.see(judged(NOW));
    expect(sender.see(judged(NOW), died(NOW, 1))).toEqual([]);
    expect(sender.see(judged(NOW + 5_000), died(NOW + 5_000, 49))).toEqual([]);
    const [first] = sender.see(judged(NOW + 15_000));
    expect(first?.body.text).toMatch(
      /^\[shop\] 50 jobs were dead-lettered: refused: no\. .*dead-letters list --group g1/,
    );
    expect(sender.see(judged(NOW + 20_000), died(NOW + 20_000, 7))).toEqual([]);
    const over = NOW + 20_000 + PACE.deadSettleMs;
    expect(sender.see(judged(over - 1))).toEqual([]);
    const [last] = sender.see(judged(over));
    expect(last?.body.text).toMatch(/^\[shop\] 7 more jobs were dead-lettered of the same thing/);
  });

  it('of which no more died have no second message', () => {
    const sender = aSender();
    sender.see(judged(NOW), died(NOW, 1));
    expect(names(sender.see(judged(NOW + 15_000)))).toEqual(['dead-letters begun']);
    expect(sender.see(judged(NOW + 15_000 + PACE.deadSettleMs))).toEqual([]);
  });

  it('of a thousand reasons are some twenty messages', () => {
    const sender = aSender();
    const groups = Array.from({ length: 1_000 }, (_, index) => died(NOW, 1, `g${index}`).groups).flat();
    sender.see(judged(NOW), { groups, until: NOW });
    const messages = sender.see(judged(NOW + 15_000));
    expect(messages).toHaveLength(21);
    expect(messages.at(-1)?.body.text).toMatch(/980 jobs were dead-lettered/);
    // Nor are those that follow.
    sender.see(judged(NOW + 16_000), died(NOW + 16_000, 1, 'g999'));
    expect(sender.see(judged(NOW + 60_000))).toEqual([]);
  });
});

describe('a message', () => {
  it('calls nobody in Slack, whatever a dead letter died of', () => {
    const sender = aSender();
    const reason = 'refused: <!channel> & co';
    sender.see(judged(NOW), {
      groups: [{ group: 'g', count: 1, reason, oldestAt: NOW, newestAt: NOW }],
      until: NOW,
    });
    const [message] = sender.see(judged(NOW + 15_000));
    expect(message?.body.text).toContain('refused: &lt;!channel&gt; &amp; co');
  });
});
