/** A time in which calls may have been answered and not recorded. Milliseconds since 1970. */
export interface Window {
  readonly from: number;
  /** Infinite while it lasts. */
  to: number;
}

/**
 * When workers were killed, frozen or told to stop, or Redis was away: only then, and where the wire spoilt an
 * answer, may a sale be sent again.
 */
export interface Unrest {
  during<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Forgets the windows that are over. */
  clear(): void;
  readonly windows: readonly Window[];
}

export function createUnrest(): Unrest {
  let windows: Window[] = [];
  return {
    async during(work) {
      const window: Window = { from: Date.now(), to: Number.POSITIVE_INFINITY };
      windows.push(window);
      try {
        return await work();
      } finally {
        window.to = Date.now();
      }
    },
    clear() {
      windows = windows.filter(({ to }) => to === Number.POSITIVE_INFINITY);
    },
    get windows() {
      return windows;
    },
  };
}
