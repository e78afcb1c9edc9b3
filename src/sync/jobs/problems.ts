/**
 * One thing wrong with a payload.
 *
 * @example
 * ```ts
 * import type { Problem } from 'conexxus-sync';
 *
 * const problem: Problem = { path: 'transactions[3].items[0].price', message: 'must be a finite number' };
 * ```
 */
export interface Problem {
  /** As in code; '' is the whole payload. At most 300 characters, then `…`. */
  readonly path: string;
  /** For people, without the path. */
  readonly message: string;
}

export type PathSegment = string | number;

const PATH_MAX = 300;
const IDENTIFIER = /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u;

export function formatPath(segments: readonly PathSegment[]): string {
  const path = segments.reduce<string>((path, segment) => path + formatSegment(segment, path === ''), '');
  return path.length > PATH_MAX ? `${path.slice(0, PATH_MAX)}…` : path;
}

function formatSegment(segment: PathSegment, first: boolean): string {
  if (typeof segment === 'number') return `[${segment}]`;
  if (!IDENTIFIER.test(segment)) return `[${JSON.stringify(segment)}]`;
  return first ? segment : `.${segment}`;
}

/** The same problem, seen from the list that its payload is the nth of. */
export function problemOfNth(index: number, { path, message }: Problem): Problem {
  const separator = path === '' || path.startsWith('[') ? '' : '.';
  return { path: `[${index}]${separator}${path}`, message };
}

/** One line for people. `more`: how many problems were found beyond those listed. */
export function describeProblems(problems: readonly Problem[], more: number): string {
  const lines = problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  return more > 0 ? `${lines.join('; ')}; and ${more} more` : lines.join('; ');
}
