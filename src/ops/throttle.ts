import { plainAddress } from '../base/networks.ts';

export interface ThrottleOptions {
  /** Failed logins of one address in a window, after which its next ones are not looked at. */
  readonly failures: number;
  readonly windowMs: number;
  /** Addresses remembered; beyond them the one whose window began first is forgotten. */
  readonly addresses: number;
  /** Milliseconds of any clock that never goes back. */
  readonly now: () => number;
}

export interface LoginThrottle {
  /** Milliseconds until this address may try again; 0: now. */
  blockedForMs(address: string): number;
  failed(address: string): void;
}

export function createLoginThrottle({ failures, windowMs, addresses, now }: ThrottleOptions): LoginThrottle {
  // In the order their windows began.
  const windows = new Map<string, { readonly endsAt: number; count: number }>();

  const current = (key: string) => {
    const window = windows.get(key);
    if (window !== undefined && window.endsAt > now()) return window;
    windows.delete(key);
    return undefined;
  };

  return {
    blockedForMs(address) {
      const window = current(networkOf(address));
      return window !== undefined && window.count >= failures ? window.endsAt - now() : 0;
    },
    failed(address) {
      const key = networkOf(address);
      const window = current(key);
      if (window !== undefined) {
        window.count += 1;
        return;
      }
      const [oldest] = windows.keys();
      if (windows.size >= addresses && oldest !== undefined) windows.delete(oldest);
      windows.set(key, { endsAt: now() + windowMs, count: 1 });
    },
  };
}

/** An IPv6 host owns a whole /64, and would else have a fresh address for every try. */
function networkOf(address: string): string {
  const plain = plainAddress(address);
  if (!plain.includes(':')) return plain;
  const [head = '', tail = ''] = plain.split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === '' ? [] : tail.split(':');
  const zeros = plain.includes('::') ? Math.max(0, 8 - groups.length - after.length) : 0;
  return [...groups, ...Array<string>(zeros).fill('0'), ...after].slice(0, 4).join(':');
}
