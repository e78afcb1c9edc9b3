/** Callers share one run until `keptMs` after it ended: asking often must not become load on what is asked. */
export function shared<T>(run: () => Promise<T>, keptMs: number): () => Promise<T> {
  let last: { readonly result: Promise<T>; endedAt: number } | undefined;
  return () => {
    if (last !== undefined && performance.now() - last.endedAt < keptMs) return last.result;
    const started = { result: run(), endedAt: Number.POSITIVE_INFINITY };
    last = started;
    return started.result.finally(() => {
      started.endedAt = performance.now();
    });
  };
}

/** What `work` resolves to, or `late` where that takes longer. Rejects as `work` does, if it does in time. */
export async function within<T, Late>(timeoutMs: number, work: Promise<T>, late: Late): Promise<T | Late> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<Late>((resolve) => {
    timer = setTimeout(() => resolve(late), timeoutMs);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
