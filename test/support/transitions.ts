import type { OpenDatabase } from './postgres.ts';

/** A move of the circuit, as its row of the event log tells it. Times: ms, Redis clock. */
export interface Transition {
  readonly to: 'closed' | 'open' | 'half-open';
  readonly at: number;
  readonly epoch: number;
  readonly cause: string;
}

/** All moves that have been written, in order. */
export async function readTransitions({ sql }: Pick<OpenDatabase, 'sql'>): Promise<Transition[]> {
  const rows = await sql<Transition[]>`
    select payload->>'to' as "to", (payload->>'epoch')::float8 as epoch, payload->>'cause' as cause,
      round(extract(epoch from "timestamp") * 1000)::float8 as at
    from event_log where event_type like 'conexxus.circuit.%' order by (payload->>'epoch')::float8`;
  return [...rows];
}
