import type { Incident, Pace } from './incident.ts';
import type { Memory } from './incidents.ts';

/** What is posted. `text` is what Slack and its like show; the envelope is that of Standard Webhooks. */
export interface Message {
  /** Stays through all tries, so that who receives it twice can tell. */
  readonly id: string;
  readonly body: {
    readonly text: string;
    readonly type: `conexxus.alert.${'begun' | 'ended' | 'test'}`;
    readonly timestamp: string;
    readonly data: Readonly<Record<string, string | number | null>>;
  };
}

/** A message of an incident: that it began, or that it is over. */
export interface Due extends Message {
  readonly incidentId: string;
  readonly phase: 'begun' | 'ended';
  readonly at: number;
}

/** What is to be sent, in the order in which it happened. */
export function dueMessages(
  { incidents }: Memory,
  namespace: string,
  now: number,
  { gatherMs }: Pace,
): Due[] {
  return incidents
    .flatMap((incident) => {
      const { kind, begunAt, toldAt, endText, endToldAt, endedAt } = incident;
      const isGathering = kind === 'dead-letters' && now - begunAt < gatherMs;
      return [
        ...(toldAt === null && !isGathering ? [begunMessage(incident, namespace)] : []),
        ...(endText !== null && endedAt !== null && endToldAt === null
          ? [endedMessage(incident, namespace, endText, endedAt)]
          : []),
      ];
    })
    .toSorted((a, b) => a.at - b.at);
}

function begunMessage(incident: Incident, namespace: string): Due {
  const { id, text, begunAt } = incident;
  const data = { ...dataOf(incident, namespace), phase: 'begun' };
  return due(incident, 'begun', begunAt, {
    text: shown(namespace, text),
    type: 'conexxus.alert.begun',
    timestamp: iso(begunAt),
    data: { ...data, incident: id },
  });
}

function endedMessage(incident: Incident, namespace: string, endText: string, endedAt: number): Due {
  const { id, begunAt, facts } = incident;
  const data = { ...dataOf(incident, namespace), phase: 'ended' };
  return due(incident, 'ended', endedAt, {
    text: shown(namespace, endText),
    type: 'conexxus.alert.ended',
    timestamp: iso(endedAt),
    data: {
      ...data,
      incident: id,
      endedAt: iso(endedAt),
      durationMs: endedAt - begunAt,
      waitingMost: facts.waitingMost,
    },
  });
}

function due(incident: Incident, phase: Due['phase'], at: number, body: Message['body']): Due {
  return { id: `${incident.id}.${phase}`, incidentId: incident.id, phase, at, body };
}

function dataOf({ kind, key, begunAt }: Incident, namespace: string) {
  return { namespace, alert: kind, cause: key, begunAt: iso(begunAt) };
}

/** One of no incident. */
export function looseMessage(
  id: string,
  type: Message['body']['type'],
  namespace: string,
  text: string,
  data: Message['body']['data'],
): Message {
  const timestamp = iso(Date.now());
  return { id, body: { text: shown(namespace, text), type, timestamp, data: { namespace, ...data } } };
}

/** Slack would take `<!channel>` in the reason of a dead letter for a call to all. */
function shown(namespace: string, text: string): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `[${namespace}] ${escaped}`;
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

export function markTold(memory: Memory, { incidentId, phase }: Due, at: number): Memory {
  return change(memory, incidentId, (incident) => ({
    ...incident,
    tries: 0,
    ...(phase === 'begun' ? { toldAt: at } : { endToldAt: at }),
  }));
}

export function markFailed(memory: Memory, { incidentId }: Due): Memory {
  return change(memory, incidentId, (incident) => ({ ...incident, tries: incident.tries + 1 }));
}

function change(memory: Memory, id: string, how: (incident: Incident) => Incident): Memory {
  return { ...memory, incidents: memory.incidents.map((each) => (each.id === id ? how(each) : each)) };
}
