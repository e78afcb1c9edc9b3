import { formatPath, type PathSegment } from '../jobs/problems.ts';

/** One member that two payloads do not share, as JSON that is cut to be read; null: it is not there. */
export interface Difference {
  /** As `transactions[0].items[1].sku`; '' is the whole. */
  readonly path: string;
  readonly from: string | null;
  readonly to: string | null;
}

export interface Differences {
  /** The first of them, in the order of the payload. */
  readonly list: readonly Difference[];
  /** How many there are beyond those. */
  readonly more: number;
}

interface Comparing {
  /** Of the payload before: numbers that a double changes, by their paths, as they were written. */
  readonly exact: ReadonlyMap<string, string>;
  /** What a person may see of the value of a member of this name. */
  readonly show: (name: string, value: unknown) => unknown;
}

interface Walk extends Comparing {
  readonly path: PathSegment[];
  readonly list: Difference[];
  more: number;
}

const LISTED = 100;
const SHOWN_MAX = 100;
/** A payload that may be sent is less deep; what another client wrote may be deeper than our stack. */
const DEPTH_MAX = 100;

/** Field by field; of lists, entry by entry from their beginning. */
export function differencesOf(before: unknown, after: unknown, comparing: Comparing): Differences {
  const walk: Walk = { ...comparing, path: [], list: [], more: 0 };
  compare(walk, before, after);
  return { list: walk.list, more: walk.more };
}

function compare(walk: Walk, before: unknown, after: unknown): void {
  if (walk.path.length < DEPTH_MAX && Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length);
    for (let at = 0; at < length; at += 1) compareMember(walk, at, before[at], after[at]);
  } else if (walk.path.length < DEPTH_MAX && isObject(before) && isObject(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      compareMember(walk, key, memberOf(before, key), memberOf(after, key));
    }
  } else if (before !== after || walk.exact.has(formatPath(walk.path))) report(walk, before, after);
}

function compareMember(walk: Walk, key: PathSegment, before: unknown, after: unknown): void {
  walk.path.push(key);
  compare(walk, before, after);
  walk.path.pop();
}

function report(walk: Walk, before: unknown, after: unknown): void {
  const { path, list, exact, show } = walk;
  if (list.length === LISTED) {
    walk.more += 1;
    return;
  }
  const where = formatPath(path);
  const name = String(path.at(-1) ?? '');
  const shown = (value: unknown) => (value === undefined ? null : textOf(show(name, value)));
  list.push({ path: where, from: exact.get(where) ?? shown(before), to: shown(after) });
}

function textOf(value: unknown): string {
  try {
    const text = JSON.stringify(value);
    return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
  } catch {
    return '(nested too deeply to be shown)';
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function memberOf(value: object, key: string): unknown {
  return Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}
