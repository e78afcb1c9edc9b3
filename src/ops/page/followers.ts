import type { Role } from '../auth.ts';

/** One who follows a stream of events. */
export interface Follower {
  readonly role: Role;
  /** Names a browser, of which few may follow; empty: it does not say. */
  readonly browser: string;
  /** Ends its connection at once, whatever it has not read. */
  readonly cut: () => void;
}

export interface Following extends Follower {
  /** It has not had a tick yet. */
  isNew: boolean;
}

export interface FollowersOptions {
  readonly followersMax: number;
  /** What one may have left unread. */
  readonly unreadMaxBytes: number;
  /** Then it has to come again, so that none of which nothing is heard stays for ever. */
  readonly longestMs: number;
  readonly onLastLeft: () => void;
}

export type Stream = ReadableStreamDefaultController<Uint8Array>;

/**
 * A browser has six connections to a host, and a tab that finds none hangs: of one browser two follow, which leaves
 * the other tabs room to ask now and then.
 */
const OF_A_BROWSER = 2;

/** Those who follow, each with what it has not read. */
export function createFollowers({ followersMax, unreadMaxBytes, longestMs, onLastLeft }: FollowersOptions) {
  const all = new Map<Following, { readonly stream: Stream; readonly endsAt: number }>();

  function leave(one: Following): void {
    if (all.delete(one) && all.size === 0) onLastLeft();
  }

  function end(one: Following): void {
    const place = all.get(one);
    leave(one);
    place?.stream.close();
  }

  return {
    size: () => all.size,
    list: () => [...all.keys()],
    roles: () => new Set([...all.keys()].map(({ role }) => role)),
    has: (one: Following) => all.has(one),
    hasRoomFor(browser: string): boolean {
      const ofBrowser = [...all.keys()].filter((one) => browser !== '' && one.browser === browser);
      return all.size < followersMax && ofBrowser.length < OF_A_BROWSER;
    },
    join(follower: Follower, stream: Stream): Following {
      const one = { ...follower, isNew: true };
      all.set(one, { stream, endsAt: performance.now() + longestMs });
      return one;
    },
    /** One that has left too much unread is cut off, one whose time is over is ended. */
    push(one: Following, chunk: Uint8Array): void {
      const place = all.get(one);
      if (place === undefined) return;
      if (performance.now() >= place.endsAt) return end(one);
      // Before this one, which nobody can have read yet.
      if (-(place.stream.desiredSize ?? 0) <= unreadMaxBytes) {
        place.stream.enqueue(chunk);
      } else {
        leave(one);
        one.cut();
      }
    },
    leave,
    end,
  };
}
