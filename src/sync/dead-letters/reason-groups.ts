import { createHash } from 'node:crypto';
import type { DeadLetter } from './failed-jobs.ts';

/** Dead letters that died of the same thing, though of different sales. */
export interface ReasonGroup {
  /** Names the group in commands: the same for the same reason, on every machine. */
  readonly key: string;
  readonly count: number;
  /** Of the one that died last. */
  readonly reason: string;
  readonly newestAt: number;
  readonly oldestAt: number;
}

export interface Grouping {
  add(letter: Pick<DeadLetter, 'reason' | 'diedAt'>): void;
  total(): number;
  /** The largest first. */
  groups(): ReasonGroup[];
}

const KEY_LENGTH = 8;
/** What differs from sale to sale: what is quoted, ids that look like numbers, and numbers. */
const PARTICULARS = /"[^"]*"|'[^']*'|\b(?=[0-9a-f-]*\d)[0-9a-f]{8}[0-9a-f-]*\b|\d+/gi;

export function groupKeyOf(reason: string): string {
  return keyOf(commonIn(reason));
}

/** The code as it is, and the message without what differs from sale to sale. */
function commonIn(reason: string): string {
  const colon = reason.indexOf(':');
  const [code, message] = [reason.slice(0, Math.max(0, colon)), reason.slice(colon + 1)];
  return `${code}:${message.replace(PARTICULARS, '#')}`;
}

function keyOf(common: string): string {
  return createHash('sha256').update(common).digest('hex').slice(0, KEY_LENGTH);
}

function newGroup(key: string, reason: string, diedAt: number): ReasonGroup {
  return { key, count: 0, reason, newestAt: diedAt, oldestAt: diedAt };
}

export function createGrouping(): Grouping {
  const groups = new Map<string, ReasonGroup>();
  let total = 0;
  return {
    add({ reason, diedAt }) {
      total += 1;
      const common = commonIn(reason);
      const before = groups.get(common) ?? newGroup(keyOf(common), reason, diedAt);
      const isNewest = diedAt >= before.newestAt;
      groups.set(common, {
        key: before.key,
        count: before.count + 1,
        reason: isNewest ? reason : before.reason,
        newestAt: Math.max(before.newestAt, diedAt),
        oldestAt: Math.min(before.oldestAt, diedAt),
      });
    },
    total: () => total,
    groups: () => [...groups.values()].toSorted((a, b) => b.count - a.count || b.newestAt - a.newestAt),
  };
}
