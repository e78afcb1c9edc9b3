import type { EnqueuedState } from '../sync/producer/enqueued.ts';
import type { Payload } from './payloads.ts';
import type { PayloadState } from './schema.ts';

/** A payload on its way, as the relay at work remembers it. Its bytes stay in the database. */
export interface Traveller {
  readonly id: number;
  readonly syncKey: string;
  readonly locationId: string;
  readonly members: number;
  readonly createdAt: number;
  /** Its last death, by the event log. */
  diedAt: number | null;
  state: Extract<PayloadState, 'open' | 'splitting' | 'dead'>;
  /** Where its job was when last looked at; `unsent`: it has yet to be enqueued. */
  queue: EnqueuedState | 'gone' | 'unsent' | 'unknown';
  /** End of the outcome stream when its job was first seen to be finished; null: there was nothing in it. */
  mark?: string | null | undefined;
  lookAt: number;
  /** How often it was looked at since its job finished. */
  looks: number;
}

/** Those that are not settled. */
export interface Journey {
  add(traveller: Traveller): void;
  remove(id: number): void;
  unsent(): Traveller[];
  /** Enqueued, and to be looked at by now. */
  due(now: number): Traveller[];
  /** By location: how many are waiting or active in the queue, or about to be. */
  inQueue(): Map<string, number>;
  all(): Iterable<Traveller>;
}

const IN_QUEUE: ReadonlySet<Traveller['queue']> = new Set(['unsent', 'unknown', 'waiting', 'active']);

export function createJourney(): Journey {
  const travellers = new Map<number, Traveller>();
  return {
    add: (traveller) => void travellers.set(traveller.id, traveller),
    remove: (id) => void travellers.delete(id),
    unsent: () => [...travellers.values()].filter(({ queue }) => queue === 'unsent'),
    due: (now) => [...travellers.values()].filter(({ queue, lookAt }) => queue !== 'unsent' && lookAt <= now),
    inQueue() {
      const counts = new Map<string, number>();
      for (const { queue, locationId } of travellers.values()) {
        if (IN_QUEUE.has(queue)) counts.set(locationId, (counts.get(locationId) ?? 0) + 1);
      }
      return counts;
    },
    all: () => travellers.values(),
  };
}

export function travellerOf({ id, syncKey, locationId, members }: Payload, now: number): Traveller {
  return {
    id,
    syncKey,
    locationId,
    members: members.length,
    createdAt: now,
    diedAt: null,
    state: 'open',
    queue: 'unsent',
    lookAt: 0,
    looks: 0,
  };
}
