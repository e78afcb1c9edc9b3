import type { DeathGroup } from './deaths.ts';
import { finish, type Incident, newIncident, type Pace } from './incident.ts';
import * as texts from './texts.ts';

/** Reasons of death that have an incident each; whatever else jobs die of has one together. */
const GROUPS_MAX = 20;
const PREFIX = 'dead:';
const OTHER = PREFIX + texts.OTHER_GROUP;

/** Those that died, by the key of their incident. */
export type DeathsByKey = ReadonlyMap<string, readonly DeathGroup[]>;

export function assignDeaths(open: ReadonlySet<string>, deaths: readonly DeathGroup[]): DeathsByKey {
  const keys = new Set([...open].filter((key) => key.startsWith(PREFIX)));
  const assigned = new Map<string, DeathGroup[]>();
  for (const death of deaths) {
    const own = PREFIX + death.group;
    const key = keys.has(own) || keys.size < GROUPS_MAX ? own : OTHER;
    keys.add(key);
    assigned.set(key, [...(assigned.get(key) ?? []), death]);
  }
  return assigned;
}

/** Of keys that have no open incident. */
export function beginDeaths(open: ReadonlySet<string>, deaths: DeathsByKey, at: number): Incident[] {
  return [...deaths].flatMap(([key, groups]) => {
    if (open.has(key)) return [];
    const begunAt = Math.min(at, ...groups.map(({ oldestAt }) => oldestAt));
    return [groups.reduce(addDeaths, { ...newIncident('dead-letters', key, begunAt, ''), quietSince: at })];
  });
}

/** Over when nobody died of it for long; its end is told where more died than its first message named. */
export function followDeaths(incident: Incident, deaths: DeathsByKey, at: number, pace: Pace): Incident {
  const groups = deaths.get(incident.key) ?? [];
  if (groups.length > 0) return groups.reduce(addDeaths, { ...incident, quietSince: at });
  const { key, quietSince, facts, toldAt } = incident;
  if (toldAt === null || quietSince === null || at - quietSince < pace.deadSettleMs) return incident;
  const more = facts.dead - facts.deadTold;
  const text = more === 0 ? null : texts.moreDead(more, key.slice(PREFIX.length), quietSince);
  return finish(incident, quietSince, text);
}

function addDeaths(incident: Incident, { count, reason }: DeathGroup): Incident {
  const { facts, tries, toldAt, key, begunAt } = incident;
  const dead = facts.dead + count;
  // A message that was tried stays as it is: it may have arrived.
  if (tries > 0 || toldAt !== null) return { ...incident, facts: { ...facts, dead } };
  const text = texts.begun(
    incident.kind,
    texts.deadLettered(dead, reason, key.slice(PREFIX.length)),
    begunAt,
  );
  return { ...incident, text, facts: { ...facts, dead, deadTold: dead } };
}
