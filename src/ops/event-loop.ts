/** How long the event loop of this process stands still. */
export interface EventLoopWatch {
  /** Why only a new start would help; null: no reason. */
  readonly stuck: () => string | null;
  stop(): void;
}

interface EventLoopLimits {
  /** No work of ours takes as long. */
  readonly standstillMs: number;
  /** Two within this time: something stops it again and again. */
  readonly rememberedMs: number;
}

const BEAT_MS = 1_000;
const LIMITS: EventLoopLimits = { standstillMs: 10_000, rememberedMs: 300_000 };

/**
 * A loop that stands cannot answer, which is answer enough. This is about one that stands, answers and stands
 * again. Once is no reason: a machine that was paused, or a process that was stopped and continued, is well.
 */
export function watchEventLoop({ standstillMs, rememberedMs } = LIMITS): EventLoopWatch {
  let beatAt = performance.now();
  let standstills: readonly number[] = [];

  function beat(): void {
    const now = performance.now();
    const stood = now - beatAt > standstillMs ? [now] : [];
    beatAt = now;
    standstills = [...standstills.filter((at) => now - at < rememberedMs), ...stood];
  }

  const timer = setInterval(beat, Math.min(BEAT_MS, standstillMs / 2));
  timer.unref();
  return {
    stuck() {
      // Asked right after a standstill, the timer may not have had its turn.
      beat();
      return standstills.length > 1 ? 'the event loop stands still again and again' : null;
    },
    stop: () => clearInterval(timer),
  };
}
