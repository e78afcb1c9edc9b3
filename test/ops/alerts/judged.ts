import type { Deaths } from '../../../src/ops/alerts/deaths.ts';
import { advance, type Memory, NOTHING_KNOWN } from '../../../src/ops/alerts/incidents.ts';
import type { Kind } from '../../../src/ops/alerts/kinds.ts';
import { type Due, dueMessages, markTold } from '../../../src/ops/alerts/messages.ts';
import type { Judged } from '../../../src/ops/alerts/watch.ts';

export const PACE = { settleMs: 300_000, deadSettleMs: 3_600_000, gatherMs: 15_000 };
export const NOW = Date.parse('2026-11-20T12:00:00Z');

/** What a look came to: these conditions, and a circuit that is closed where none of them is its own. */
export function judged(at: number, kinds: readonly Kind[] = [], more: Partial<Judged> = {}): Judged {
  return {
    at,
    holding: kinds.map((kind) => ({
      kind,
      key: kind,
      since: at,
      afterMs: 0,
      isRipe: true,
      problem: `${kind}.`,
      advice: 'Look.',
    })),
    unknown: new Set(),
    closedSince: kinds.includes('circuit') ? null : NOW,
    openings: 0,
    waiting: 0,
    oldestMs: 0,
    ...more,
  };
}

export const NO_DEATHS: Deaths = { groups: [], until: NOW };

/** A sender to whom one look after the other is told, and whose messages all arrive. */
export function aSender(first: Memory = NOTHING_KNOWN) {
  let memory = first;
  return {
    memory: () => memory,
    /** What it sends after this look. */
    see(look: Judged, deaths: Deaths = NO_DEATHS): Due[] {
      memory = advance(memory, look, deaths, PACE);
      const due = dueMessages(memory, 'shop', look.at, PACE);
      for (const message of due) memory = markTold(memory, message, look.at);
      return due;
    },
  };
}
