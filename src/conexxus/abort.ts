interface Hearing {
  readonly hearers: Set<() => void>;
  readonly tellAll: () => void;
}

const hearings = new WeakMap<AbortSignal, Hearing>();

/**
 * Hears of a signal's end until the function that it gives is called. One signal stands for all calls under way: a
 * listener of each would be compared with all others as it comes and as it goes.
 */
export function onceAborted(signal: AbortSignal, hear: () => void): () => void {
  const { hearers, tellAll } = hearings.get(signal) ?? listen(signal);
  hearers.add(hear);
  return () => {
    hearers.delete(hear);
    if (hearers.size > 0) return;
    signal.removeEventListener('abort', tellAll);
    hearings.delete(signal);
  };
}

function listen(signal: AbortSignal): Hearing {
  const hearers = new Set<() => void>();
  const tellAll = () => {
    for (const hear of hearers) hear();
  };
  const hearing = { hearers, tellAll };
  hearings.set(signal, hearing);
  signal.addEventListener('abort', tellAll, { once: true });
  return hearing;
}
