/** What a success refuses inside. */
export interface Refusals {
  /** It names something as refused, whether by an id of ours or not. */
  readonly found: boolean;
  /** Those of the ids given that it names as refused. */
  readonly ids: readonly string[];
}

/** Of a member that lists what was refused, and of a text that says so: `rejected`, `failedItems`, `errors`. */
const REFUSED = /reject|refus|fail|error|invalid|denied|declin|not_?accepted|unprocessed/i;
/** Members in which an entry tells how it went. */
const VERDICT = /^(?:status|state|result|outcome|(?:http_?)?status_?code|http_?status|code)$/i;
const YES_OR_NO = /^(?:success|successful|ok|accepted|valid|processed)$/i;
/** Texts that say there is no error. */
const NO_ERROR = /^\s*(?:0+|none|null|no|false|ok|success|n\/a|-)?\s*$/i;

/**
 * The API documents no form for a success in part, so that all common ones are looked for: a member that lists
 * refusals (`{accepted: 2, rejected: [{id, reason}]}`), a map by id (`{errors: {'T-2': '…'}}`), and a list with a
 * verdict on each entry (`[{id, status: 422}]`, `[{id, error: '…'}]`). Never throws, however deep `answer` nests.
 */
export function findRefusals(answer: unknown, ids: readonly string[]): Refusals {
  const ours = new Set(ids);
  const refused = new Set<string>();
  let listed = false;
  const note = (value: unknown) => {
    const text = String(value);
    if (ours.has(text)) refused.add(text);
  };

  // No recursion: an answer may nest deeper than our stack.
  const open: Place[] = [{ value: answer, isRefusal: false }];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const { value, isRefusal } = place;
    if (Array.isArray(value)) {
      listed ||= isRefusal && value.length > 0;
      for (const entry of value) open.push({ value: entry, isRefusal });
    } else if (typeof value === 'object' && value !== null) {
      const members: [string, unknown][] = Object.entries(value);
      const saysNo = members.some(([name, member]) => isNo(name, member));
      for (const [name, member] of members) {
        if (isRefusal) note(name);
        // Of an entry with a verdict the id alone: beside a list of refusals may be one of what was accepted.
        if (saysNo && isPlain(member)) note(member);
        open.push({ value: member, isRefusal: isRefusal || REFUSED.test(name) });
      }
    } else if (isRefusal) note(value);
  }
  return { found: listed || refused.size > 0, ids: ids.filter((id) => refused.has(id)) };
}

interface Place {
  readonly value: unknown;
  /** Within a member that lists refusals. */
  readonly isRefusal: boolean;
}

function isNo(name: string, value: unknown): boolean {
  if (YES_OR_NO.test(name)) return value === false;
  if (VERDICT.test(name)) return typeof value === 'number' ? isErrorStatus(value) : isRefusedText(value);
  return REFUSED.test(name) && isSomething(value);
}

function isErrorStatus(value: number): boolean {
  return value >= 400 && value <= 599;
}

function isRefusedText(value: unknown): boolean {
  return typeof value === 'string' && (REFUSED.test(value) || /^[45]\d\d\b/.test(value));
}

function isSomething(value: unknown): boolean {
  if (typeof value === 'string') return !NO_ERROR.test(value);
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

function isPlain(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number';
}
