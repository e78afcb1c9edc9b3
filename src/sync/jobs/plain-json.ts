import { formatPath, type PathSegment, type Problem } from './problems.ts';

/** What a payload may weigh as UTF-8 JSON. */
export const JSON_BYTES_MAX = 10 * 1024 * 1024;

export const TOO_LARGE: Problem = {
  path: '',
  message: `is too large: more than ${JSON_BYTES_MAX / 1024 / 1024} MB as JSON`,
};

/** Canonical JSON, `JSON.stringify` and many a reader recurse: deeper nesting would be a stack overflow for one of them. */
const DEPTH_MAX = 100;

interface Walk {
  readonly path: PathSegment[];
  readonly ancestors: Set<object>;
  readonly problems: Problem[];
  /** Bytes of JSON seen so far, at the least. */
  size: number;
}

/**
 * Everything in a value that JSON would drop, change or choke on, so that what arrives is what was given.
 * An object's member that is `undefined` is no problem: it is an absent one.
 */
export function jsonProblems(value: unknown): Problem[] {
  const walk: Walk = { path: [], ancestors: new Set(), problems: [], size: 0 };
  visit(walk, value);
  return walk.size > JSON_BYTES_MAX ? [TOO_LARGE] : walk.problems;
}

function visit(walk: Walk, value: unknown): void {
  // Shared references can make a small object endless as JSON: stop as soon as it is known to be too large.
  if (walk.size > JSON_BYTES_MAX) return;
  walk.size += typeof value === 'string' ? value.length + 2 : 2;
  switch (typeof value) {
    case 'object':
      if (value !== null) visitObject(walk, value);
      return;
    case 'number':
      return visitNumber(walk, value);
    case 'bigint':
      return report(walk, 'bigint does not exist in JSON: send it as text');
    case 'undefined':
    case 'function':
    case 'symbol':
      return report(walk, `${typeof value} does not exist in JSON`);
    default:
  }
}

/**
 * Of a whole number beyond 2^53 - 1 nobody can tell whether it is the one that was meant: the number of a card
 * would be another card's, and its payload, having the same sync key, another payload.
 */
function visitNumber(walk: Walk, value: number): void {
  if (!Number.isFinite(value)) report(walk, `${value} does not exist in JSON`);
  else if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    report(walk, `${value} is beyond 2^53 - 1 and may have lost digits: send it as text`);
  }
}

function visitObject(walk: Walk, value: object): void {
  if (walk.ancestors.has(value)) return report(walk, 'refers back to what contains it');
  if (walk.path.length >= DEPTH_MAX) return report(walk, `is nested deeper than ${DEPTH_MAX} levels`);
  walk.ancestors.add(value);
  if (Array.isArray(value)) visitItems(walk, value);
  else if (isPlain(value)) visitMembers(walk, value);
  else report(walk, `must be a plain object or list, not ${value.constructor?.name ?? 'an exotic object'}`);
  walk.ancestors.delete(value);
}

function visitItems(walk: Walk, items: readonly unknown[]): void {
  for (const [place, item] of items.entries()) {
    walk.path.push(place);
    visit(walk, item);
    walk.path.pop();
  }
}

function visitMembers(walk: Walk, value: object): void {
  for (const key of Object.keys(value)) {
    const member: unknown = Reflect.get(value, key);
    if (member === undefined) continue;
    walk.path.push(key);
    walk.size += key.length + 2;
    visit(walk, member);
    walk.path.pop();
  }
}

/**
 * True where the members are all there is: instances (Date, Map, a mapper's row) keep data in getters and
 * `toJSON`, so that what is checked here would not be what is sent. Works across realms.
 */
function isPlain(value: object): boolean {
  if (Object.prototype.toString.call(value) !== '[object Object]') return false;
  if (typeof Reflect.get(value, 'toJSON') === 'function') return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function report(walk: Walk, message: string): void {
  walk.problems.push({ path: formatPath(walk.path), message });
}
