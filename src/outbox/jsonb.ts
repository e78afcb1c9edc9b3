import { formatPath, type PathSegment, type Problem } from '../sync/jobs/problems.ts';

const NUL: Pick<Problem, 'message'> = {
  message: 'holds the character U+0000, which Postgres cannot keep: leave it out',
};
const HALF: Pick<Problem, 'message'> = {
  message:
    'holds half a character (a lone surrogate), which Postgres cannot keep: cut texts between characters, ' +
    'or write it as U+FFFD with toWellFormed()',
};

/** As `JSON.stringify` writes them; a backslash that is itself in a text may look the same. */
const SUSPECT = /\\u(?:0000|d[89a-f])/;

/**
 * What jsonb refuses although JSON allows it, in texts and in names of members: a sale that holds it would undo
 * the transaction that it is written in. Given data that is plain JSON, and that as `JSON.stringify` wrote it.
 */
export function jsonbProblems(data: unknown, json: string): Problem[] {
  return SUSPECT.test(json) ? [...problemsIn(data, [])] : [];
}

function* problemsIn(value: unknown, path: readonly PathSegment[]): Generator<Problem> {
  if (typeof value === 'string') yield* problemOf(value, path);
  else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* problemsIn(item, [...path, index]);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      if (member === undefined) continue;
      yield* problemOf(name, [...path, name]);
      yield* problemsIn(member, [...path, name]);
    }
  }
}

function* problemOf(text: string, path: readonly PathSegment[]): Generator<Problem> {
  if (text.includes('\0')) yield { path: formatPath(path), ...NUL };
  else if (/\p{Surrogate}/u.test(text)) yield { path: formatPath(path), ...HALF };
}
