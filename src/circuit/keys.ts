/** Redis keys of one circuit. All carry the namespace as hash tag, so that a Cluster keeps them on one node. */
export interface CircuitKeys {
  /** What every script's KEYS begin with: circuit, trials, outcome stream, register of the workers. */
  readonly machine: readonly [circuit: string, trials: string, events: string, workers: string];
  /** Pub/sub: something moved; the message is the epoch. */
  readonly channel: string;
  claim(subject: string): string;
  delivered(subject: string): string;
}

export function circuitKeys(namespace: string, eventStream: string): CircuitKeys {
  const circuit = `{${namespace}}:circuit`;
  return {
    machine: [circuit, `${circuit}:trials`, eventStream, `${circuit}:workers`],
    channel: `${circuit}:changed`,
    claim: (subject) => claimKey(namespace, subject),
    delivered: (subject) => deliveredMarkKey(namespace, subject),
  };
}

/** Who calls with this payload, or called last (claims.ts). */
export function claimKey(namespace: string, subject: string): string {
  return `{${namespace}}:circuit:claim:${subject}`;
}

/** Exists as long as it is remembered that this payload was delivered. */
export function deliveredMarkKey(namespace: string, subject: string): string {
  return `{${namespace}}:circuit:delivered:${subject}`;
}
