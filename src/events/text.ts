const EXCERPT_MAX = 1_000;
/** Well within what our stack and Postgres's can take. */
const DEPTH_MAX = 200;

/**
 * NUL and lone surrogates, which Postgres refuses in text and in jsonb, become U+FFFD. The one place
 * where that is decided.
 */
export function cleanText(text: string): string {
  return text.replace(/[\0\p{Surrogate}]/gu, '\uFFFD');
}

/** The same for every string and every key within a JSON object. Throws a RangeError if it nests too deep. */
export function cleanRecord(record: object, depth = 0): Record<string, unknown> {
  // fromEntries defines its fields, so that a key `__proto__` stays a mere key.
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [cleanText(key), cleanJson(value, depth + 1)]),
  );
}

function cleanJson(value: unknown, depth: number): unknown {
  if (depth > DEPTH_MAX) throw new RangeError(`nests deeper than ${DEPTH_MAX} levels`);
  if (typeof value === 'string') return cleanText(value);
  if (Array.isArray(value)) return value.map((item) => cleanJson(item, depth + 1));
  if (typeof value === 'object' && value !== null) return cleanRecord(value, depth);
  return value;
}

/** Whether `cleanText` surely has nothing to do in a JSON text. Any escape by number is in doubt, and so is a pair. */
export function isSurelyClean(json: string): boolean {
  return !/\\u|[\ud800-\udfff]/.test(json);
}

/** Whether `cleanRecord` refuses it. */
export function nestsTooDeep(value: unknown, depth = 0): boolean {
  if (depth > DEPTH_MAX) return true;
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some((item) => nestsTooDeep(item, depth + 1));
}

/** The beginning of a text, at most `max` UTF-16 units, cut between code points and fit for Postgres. */
export function excerpt(text: string, max = EXCERPT_MAX): string {
  const end = text.length > max && isHighSurrogate(text.charCodeAt(max - 1)) ? max - 1 : max;
  return cleanText(text.slice(0, end));
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
