import { finish, type Incident } from './incident.ts';
import type { Memory } from './incidents.ts';

/**
 * Two copies of the memory, each of which may have been the only one for a while. Pure. An incident that both have is the one that
 * is further on; of two open ones of the same cause the earlier stands, and the other is done with, unsaid.
 */
export function merge(a: Memory, b: Memory): Memory {
  const [newer, older] = a.revision >= b.revision ? [a, b] : [b, a];
  const byId = new Map(older.incidents.map((incident) => [incident.id, incident]));
  for (const incident of newer.incidents) {
    const other = byId.get(incident.id);
    if (other === undefined || progressOf(incident) >= progressOf(other)) byId.set(incident.id, incident);
  }
  return {
    revision: newer.revision,
    marks: {
      openings: highest(a.marks.openings, b.marks.openings),
      deadUntil: highest(a.marks.deadUntil, b.marks.deadUntil),
    },
    incidents: withoutTwins([...byId.values()].toSorted((one, other) => one.begunAt - other.begunAt)),
  };
}

/** What was said once is never unsaid. */
function progressOf({ toldAt, endedAt, endToldAt }: Incident): number {
  return [toldAt, endedAt, endToldAt].filter((time) => time !== null).length;
}

function highest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}

function withoutTwins(incidents: readonly Incident[]): Incident[] {
  const open = new Set<string>();
  return incidents.map((incident) => {
    if (incident.endedAt !== null) return incident;
    if (open.has(incident.key)) {
      const { begunAt, toldAt } = incident;
      return { ...finish(incident, begunAt, null), toldAt: toldAt ?? begunAt };
    }
    open.add(incident.key);
    return incident;
  });
}
