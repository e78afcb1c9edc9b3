/** Runs a check again and again, one at a time. */
export interface Heartbeat {
  /** Now; or, while one is under way, once more right after it, since it may have looked too early. */
  beat(): void;
  /** Resolves when none is under way any more. */
  stop(): Promise<void>;
}

/** `check` never rejects; it resolves to the milliseconds until the next one. */
export function createHeartbeat(check: () => Promise<number>): Heartbeat {
  let timer: NodeJS.Timeout | undefined;
  let underWay: Promise<void> | undefined;
  let again = false;
  let stopped = false;

  async function run(): Promise<void> {
    let nextMs: number;
    do {
      again = false;
      nextMs = await check();
    } while (again);
    underWay = undefined;
    if (!stopped) timer = setTimeout(beat, nextMs);
  }

  function beat(): void {
    if (stopped) return;
    again = true;
    if (underWay) return;
    clearTimeout(timer);
    underWay = run();
  }

  return {
    beat,
    async stop() {
      stopped = true;
      again = false;
      clearTimeout(timer);
      await underWay;
    },
  };
}
