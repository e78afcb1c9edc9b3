import * as z from 'zod';
import { assignDeaths, beginDeaths, type DeathsByKey, followDeaths } from './dead-incidents.ts';
import type { Deaths } from './deaths.ts';
import { finish, type Incident, incidentSchema, NO_FACTS, newIncident, type Pace } from './incident.ts';
import type { Kind } from './kinds.ts';
import * as texts from './texts.ts';
import type { Holding, Judged } from './watch.ts';

export const marksSchema = z.object({
  /** Openings of the circuit that were looked at; null: none ever were. */
  openings: z.number().nullable(),
  /** Dead letters up to this time of death were looked at. */
  deadUntil: z.number().nullable(),
});

/**
 * All that a sender has to know, and whoever takes over from it. Its revision grows with each change, at least with the
 * clock: two copies that have the same are the same.
 */
export const memorySchema = z.object({
  revision: z.number(),
  marks: marksSchema,
  incidents: z.array(incidentSchema),
});
export type Memory = z.infer<typeof memorySchema>;

export const NOTHING_KNOWN: Memory = {
  revision: 0,
  marks: { openings: null, deadUntil: null },
  incidents: [],
};

/** So that another copy of the memory hears of the end too. */
export const FINISHED_KEPT_MS = 24 * 3_600_000;
/** What was over for so long is not told any more, where nobody took it until then. */
export const TOO_LATE_MS = 7 * 24 * 3_600_000;
/** An age is written down by the minute. */
const AGE_STEP_MS = 60_000;
/** Where the text does not count them itself. */
const WAITED_FOR: ReadonlySet<Kind> = new Set<Kind>([
  'circuit',
  'misconfigured',
  'benched',
  'suspect',
  'no-worker',
]);
const OF_THE_CIRCUIT: ReadonlySet<Kind> = new Set<Kind>(['circuit', 'misconfigured']);

/** What a look makes of what was known. Pure but for the ids; the same object where nothing changed. */
export function advance(memory: Memory, judged: Judged, deaths: Deaths, pace: Pace): Memory {
  const { at, holding } = judged;
  const kept = memory.incidents.filter(
    ({ endedAt, endToldAt }) =>
      (endToldAt === null || at - endToldAt < FINISHED_KEPT_MS) &&
      (endedAt === null || at - endedAt < TOO_LATE_MS),
  );
  const openBefore = keysOf(kept);
  const died = assignDeaths(openBefore, deaths.groups);
  const followed = kept.map((incident) => follow(incident, judged, died, pace));
  const open = keysOf(followed);
  const incidents = [
    ...followed,
    ...holding.filter(({ isRipe, key }) => isRipe && !open.has(key)).map((one) => begin(one, memory, judged)),
    ...missedOpening(memory, judged, open),
    ...beginDeaths(openBefore, died, at),
  ];
  return changed(memory, {
    ...memory,
    marks: { openings: judged.openings ?? memory.marks.openings, deadUntil: deaths.until },
    incidents,
  });
}

function keysOf(incidents: readonly Incident[]): Set<string> {
  return new Set(incidents.filter(({ endedAt }) => endedAt === null).map(({ key }) => key));
}

function changed(before: Memory, after: Memory): Memory {
  const isSame =
    after.marks.openings === before.marks.openings &&
    after.marks.deadUntil === before.marks.deadUntil &&
    after.incidents.length === before.incidents.length &&
    after.incidents.every((incident, index) => incident === before.incidents[index]);
  return isSame ? before : after;
}

function begin(holding: Holding, { marks }: Memory, judged: Judged): Incident {
  const { kind, key, since } = holding;
  const openings = judged.openings ?? 0;
  return {
    ...newIncident(
      kind,
      key,
      since,
      texts.begun(kind, holding, since, WAITED_FOR.has(kind) ? judged.waiting : null),
    ),
    facts: {
      ...NO_FACTS,
      waitingMost: judged.waiting ?? 0,
      oldestMostMs: judged.oldestMs,
      openingsBefore: Math.min(marks.openings ?? openings, Math.max(0, openings - 1)),
    },
  };
}

/** It opened and closed while nobody looked, or between two looks. */
function missedOpening({ marks }: Memory, judged: Judged, open: ReadonlySet<string>): Incident[] {
  const { openings, closedSince } = judged;
  if (openings === null || marks.openings === null || closedSince === null) return [];
  if (openings <= marks.openings || open.has('circuit') || open.has('misconfigured')) return [];
  const incident = newIncident(
    'circuit',
    'circuit',
    closedSince,
    texts.begun('circuit', texts.missedOpening(), closedSince),
  );
  return [{ ...incident, quietSince: closedSince, facts: { ...NO_FACTS, openingsBefore: marks.openings } }];
}

function follow(incident: Incident, judged: Judged, deaths: DeathsByKey, pace: Pace): Incident {
  const { kind, key, endedAt } = incident;
  if (endedAt !== null) return incident;
  if (kind === 'dead-letters') return followDeaths(incident, deaths, judged.at, pace);
  if (judged.holding.some((holding) => holding.key === key)) return holdOn(incident, judged);
  if (judged.unknown.has(kind)) return incident;
  const firstQuiet = incident.quietSince ?? judged.at;
  // A circuit says since when it is closed: it may have opened again between two looks.
  const quietSince = OF_THE_CIRCUIT.has(kind) ? (judged.closedSince ?? firstQuiet) : firstQuiet;
  if (judged.at - quietSince >= pace.settleMs) return end(incident, quietSince, judged);
  return quietSince === incident.quietSince ? incident : { ...incident, quietSince };
}

function holdOn(incident: Incident, { waiting, oldestMs }: Judged): Incident {
  const { facts, quietSince } = incident;
  const isMore = (waiting ?? 0) > facts.waitingMost || oldestMs >= facts.oldestMostMs + AGE_STEP_MS;
  if (quietSince === null && !isMore) return incident;
  const waitingMost = Math.max(facts.waitingMost, waiting ?? 0);
  const oldestMostMs = Math.max(facts.oldestMostMs, oldestMs);
  return { ...incident, quietSince: null, facts: { ...facts, waitingMost, oldestMostMs } };
}

function end(incident: Incident, quietSince: number, judged: Judged): Incident {
  const { kind, key, begunAt, facts } = incident;
  const endedAt = Math.max(quietSince, begunAt);
  const text = texts.over(kind, {
    subject: key === kind ? '' : key.slice(kind.length + 1),
    begunAt,
    endedAt,
    openings: OF_THE_CIRCUIT.has(kind) ? (judged.openings ?? 0) - facts.openingsBefore : 0,
    waitingMost: facts.waitingMost,
    oldestMostMs: facts.oldestMostMs,
    waiting: judged.waiting,
  });
  return finish(incident, endedAt, text);
}
