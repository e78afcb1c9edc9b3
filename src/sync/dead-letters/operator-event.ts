import { randomUUID } from 'node:crypto';
import type { EventPayload, SyncEvent } from '../../events/event.ts';

/** Who does it and why. */
export interface Word {
  readonly actor: string;
  readonly reason: string;
}

/** A row of the audit trail: what a person did. `aggregateId`: to which job, or to the `queue`. */
export function operatorEvent(
  actor: string,
  action: string,
  aggregateId: string,
  payload: EventPayload = {},
): SyncEvent {
  return {
    dedupeKey: randomUUID(),
    type: `conexxus.operator.${action}`,
    aggregateId,
    payload: { actor, action, ...payload },
  };
}
