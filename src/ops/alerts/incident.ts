import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { KINDS, type Kind } from './kinds.ts';

const factsSchema = z.object({
  /** Jobs that waited at most, and how long the oldest due one had been waiting. */
  waitingMost: z.number(),
  oldestMostMs: z.number(),
  /** Of the circuit before it opened. */
  openingsBefore: z.number(),
  /** Dead letters, and how many of them the first message names. */
  dead: z.number(),
  deadTold: z.number(),
});

/** One cause and outage, from its first sight until its end was told. Times are ms since 1970. */
export const incidentSchema = z.object({
  id: z.string(),
  kind: z.enum(KINDS),
  /** Its cause: there is one open incident of each. */
  key: z.string(),
  begunAt: z.number(),
  /** The message that it began, written down once, so that a repeat is the same. */
  text: z.string(),
  toldAt: z.number().nullable(),
  /** Since when its condition is gone, as long as it may come back. */
  quietSince: z.number().nullable(),
  endedAt: z.number().nullable(),
  /** Null: its end is not told. */
  endText: z.string().nullable(),
  endToldAt: z.number().nullable(),
  /** To send the message that is due, in vain. */
  tries: z.number(),
  facts: factsSchema,
});

export type Incident = z.infer<typeof incidentSchema>;
export type Facts = z.infer<typeof factsSchema>;

/** How long what must be gone or gathered. */
export interface Pace {
  readonly settleMs: number;
  readonly deadSettleMs: number;
  readonly gatherMs: number;
}

export const NO_FACTS: Facts = {
  waitingMost: 0,
  oldestMostMs: 0,
  openingsBefore: 0,
  dead: 0,
  deadTold: 0,
};

export function newIncident(kind: Kind, key: string, begunAt: number, text: string): Incident {
  return {
    id: randomUUID(),
    kind,
    key,
    begunAt,
    text,
    toldAt: null,
    quietSince: null,
    endedAt: null,
    endText: null,
    endToldAt: null,
    tries: 0,
    facts: NO_FACTS,
  };
}

/** One whose end is not told is done with. */
export function finish(incident: Incident, endedAt: number, endText: string | null): Incident {
  return { ...incident, endedAt, endText, endToldAt: endText === null ? endedAt : null };
}
