import { REDACTED, type Redactor, redactData } from '../../base/redaction.ts';
import { formatPath, type PathSegment, type Problem } from '../jobs/problems.ts';

interface Walk {
  readonly redact: Redactor;
  readonly path: PathSegment[];
  readonly problems: Problem[];
}

/** What was masked, put back; `problems`: where nobody knows what a mask stands for. */
export interface Unmasked {
  readonly data: unknown;
  readonly problems: readonly Problem[];
}

/** Deeper payloads are refused anyway. */
const DEPTH_MAX = 100;

/**
 * A payload is shown, and so edited, without its secrets: where the edited one has what was shown in their place, the
 * original stays. Entries of a list are the same as long as there are as many.
 */
export function unmasked(original: unknown, edited: unknown, redact: Redactor): Unmasked {
  const walk: Walk = { redact, path: [], problems: [] };
  return { data: restored(walk, original, edited), problems: walk.problems };
}

/** What a person sees of the value of a member of this name. */
export function asShown(name: string, value: unknown, redact: Redactor): unknown {
  const shown = redactData({ [name]: value }, redact);
  return typeof shown === 'object' && shown !== null ? Object.values(shown)[0] : undefined;
}

function restored(walk: Walk, original: unknown, edited: unknown): unknown {
  if (typeof edited === 'string') return restoredText(walk, original, edited);
  if (typeof edited !== 'object' || edited === null || walk.path.length >= DEPTH_MAX) return edited;
  if (Array.isArray(edited)) {
    const isAlike = Array.isArray(original) && original.length === edited.length;
    return edited.map((entry, at) => within(walk, at, isAlike ? original[at] : undefined, entry));
  }
  const members = Object.entries(edited).map(([shownKey, member]) => {
    const key = keyIn(walk, original, shownKey);
    return [key, within(walk, key, memberOf(original, key), member)];
  });
  return Object.fromEntries(members);
}

function within(walk: Walk, key: PathSegment, original: unknown, edited: unknown): unknown {
  walk.path.push(key);
  const value = restored(walk, original, edited);
  walk.path.pop();
  return value;
}

function restoredText(walk: Walk, original: unknown, edited: string): string {
  const { path, redact } = walk;
  if (original === edited) return edited;
  const name = typeof path.at(-1) === 'string' ? String(path.at(-1)) : '';
  if (typeof original === 'string' && asShown(name, original, redact) === edited) return original;
  if (edited.includes(REDACTED)) report(walk, path);
  return edited;
}

/** A name may hold a secret too. */
function keyIn(walk: Walk, original: unknown, shown: string): string {
  if (!shown.includes(REDACTED) || memberOf(original, shown) !== undefined) return shown;
  const keys = typeof original === 'object' && original !== null ? Object.keys(original) : [];
  const [key, ...others] = keys.filter((each) => walk.redact(each) === shown);
  if (key !== undefined && others.length === 0) return key;
  report(walk, [...walk.path, shown]);
  return shown;
}

function report({ problems }: Walk, path: readonly PathSegment[]): void {
  const message = `holds ${REDACTED}, and it is not known for what: put in what belongs there, or leave its list as long as it was`;
  problems.push({ path: formatPath(path), message });
}

function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return Reflect.get(value, key);
}
