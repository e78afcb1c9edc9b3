import { formatPath, type PathSegment, type Problem } from './problems.ts';

/** A number in a JSON text that a double holds as another one. */
export interface ChangedNumber {
  readonly path: readonly PathSegment[];
  /** As it is written. */
  readonly text: string;
}

interface Token {
  readonly text: string;
  readonly start: number;
}

/**
 * Decimals of fifteen digits pass through a double unchanged, so a text without a longer one and without an
 * exponent, which is nearly every text, needs no second look.
 */
const SUSPECT = /\d[\d.]{15}|\d[eE][-+]?\d/;
const SHOWN_MAX = 60;

/**
 * The numbers in a JSON text that `JSON.parse` makes others of: 6035710012345678901 becomes
 * 6035710012345679000, and nothing in its result tells. 19.990, 1.50 and 1e1 are the same numbers after it.
 */
export function changedNumbers(json: string): readonly ChangedNumber[] {
  const changed = changedIn(json);
  return changed.length === 0 ? [] : withPaths(json, changed);
}

export function changedNumberProblem({ path, text }: ChangedNumber): Problem {
  const shown = text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
  const value = Number(text);
  const fate = Number.isFinite(value) ? `would arrive as ${value}` : 'is more than a number can be';
  return { path: formatPath(path), message: `${shown} ${fate}: send it as text` };
}

/** The text with each such number as a text of its own digits. What is not JSON does no harm. */
export function changedNumbersAsText(json: string): string {
  let copied = 0;
  const parts = changedIn(json).map(({ start, text }) => {
    const part = `${json.slice(copied, start)}"${text}"`;
    copied = start + text.length;
    return part;
  });
  return [...parts, json.slice(copied)].join('');
}

function changedIn(json: string): Token[] {
  if (!SUSPECT.test(json)) return [];
  const tokens = tokensOf(json, /["\d-]/g);
  return Array.from(tokens).filter(({ text }) => text[0] !== '"' && isChanged(text));
}

/** The strings and numbers of a JSON text, and the single characters that `next` looks for besides. */
function* tokensOf(json: string, next: RegExp): Generator<Token> {
  const number = /[-+.\deE]+/y;
  for (let found = next.exec(json); found !== null; found = next.exec(json)) {
    const start = found.index;
    let end = start + 1;
    if (found[0] === '"') end = endOfString(json, start);
    else if (/[\d-]/.test(found[0])) {
      number.lastIndex = start;
      end = start + (number.exec(json)?.[0].length ?? 1);
    }
    yield { text: json.slice(start, end), start };
    next.lastIndex = end;
  }
}

/** By hand: a pattern would keep a place to go back to for each of ten million characters. */
function endOfString(json: string, start: number): number {
  for (let quote = json.indexOf('"', start + 1); quote >= 0; quote = json.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (json[quote - 1 - backslashes] === '\\') backslashes += 1;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return json.length;
}

function isChanged(text: string): boolean {
  return SUSPECT.test(text) && canonical(text) !== canonical(String(Number(text)));
}

/** The same for all ways to write a number: its digits without zeros at either end, and the place of the last. */
function canonical(text: string): string {
  const parts = /^(-?)0*(\d*)(?:\.(\d+))?(?:e([-+]?\d+))?$/i.exec(text);
  if (parts === null) return text;
  const [, sign = '', whole = '', decimals = '', exponent = '0'] = parts;
  const digits = whole + decimals;
  let first = 0;
  let end = digits.length;
  while (digits[first] === '0') first += 1;
  while (end > first && digits[end - 1] === '0') end -= 1;
  if (end === first) return '0';
  return `${sign}${digits.slice(first, end)}e${Number(exponent) - decimals.length + digits.length - end}`;
}

/** Of an object: the member it is at. Of a list: the place. */
interface Container {
  key: PathSegment;
  /** The next string is the name of a member. */
  named: boolean;
}

function withPaths(json: string, changed: readonly Token[]): ChangedNumber[] {
  const texts = new Map(changed.map(({ start, text }) => [start, text]));
  const containers: Container[] = [];
  const found: ChangedNumber[] = [];
  for (const { text, start } of tokensOf(json, /["\d\-[\]{},]/g)) {
    if (texts.has(start)) found.push({ path: containers.map(({ key }) => key), text });
    else step(containers, text);
    if (found.length === changed.length) break;
  }
  return found;
}

function step(containers: Container[], token: string): void {
  const inner = containers.at(-1);
  if (token === '{') containers.push({ key: '', named: true });
  else if (token === '[') containers.push({ key: 0, named: false });
  else if (token === '}' || token === ']') containers.pop();
  else if (inner === undefined) return;
  else if (token === ',' && typeof inner.key === 'number') inner.key += 1;
  else if (token === ',') inner.named = true;
  else if (inner.named && token[0] === '"') {
    inner.key = nameOf(token);
    inner.named = false;
  }
}

function nameOf(token: string): string {
  const name: unknown = JSON.parse(token);
  return String(name);
}
