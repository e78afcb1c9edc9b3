/** All that is told. */
export const KINDS = [
  'circuit',
  'misconfigured',
  'benched',
  'suspect',
  'dead-letters',
  'backlog',
  'outbox-backlog',
  'events-50',
  'events-90',
  'no-worker',
  'nothing-completes',
  'relay-silent',
  'no-catalog',
  'redis',
  'postgres',
] as const;
export type Kind = (typeof KINDS)[number];
