/** Takes secrets out of a text. Idempotent; time grows linearly with the text. */
export type Redactor = (text: string) => string;

/** One that can be told of a secret later. It forgets none: texts with the old one are still under way. */
export type LearningRedactor = Redactor & { readonly learn: (secret: string) => void };

export const REDACTED = '[redacted]';

/** A secret shorter than this would tear ordinary words apart; the shapes below still catch it. */
const SHORTEST_SECRET = 4;
/** A piece of Base64 shorter than this is found in texts by chance. */
const SHORTEST_BASE64 = 8;

// What a secret looks like where nobody told us its value. Each pattern stops at what it cannot begin
// with, so that no text makes it look at the same character twice.
const URL_CREDENTIALS = /:\/\/[^\s/?#"'<>\\]*@/g;
const SECRET_HEADER =
  /\b(x-api-key|(?:proxy-)?authorization)(\\*["']?\s*[:=]\s*\\*["']?)(?:(?:basic|bearer|digest)\s+)?[^\s"'\\,;]+/gi;
const SECRET_NAME = /^(?:x-api-key|(?:proxy-)?authorization|cookie|set-cookie|api_?key|password)$/i;
/** The same in a JSON text that escapes nothing. */
const SECRET_FIELD = /"(?:x-api-key|(?:proxy-)?authorization|cookie|set-cookie|api_?key|password)"/i;

/**
 * The one redaction point: what goes into a log line, an event row, an error that a person reads or a
 * page passes it. Each secret is found raw, URL-encoded, escaped for JSON or HTML and within Base64 (so also in
 * a Basic `Authorization`); credentials in any URL and key headers are found by their shape.
 */
export function createRedactor(secrets: readonly string[]): LearningRedactor {
  const forms = new Set(formsOfAll(secrets));
  let known = anyOf(forms);
  const redact = (text: string) =>
    (known ? text.replace(known, REDACTED) : text)
      .replace(URL_CREDENTIALS, `://${REDACTED}@`)
      .replace(SECRET_HEADER, `$1$2${REDACTED}`);
  return Object.assign(redact, {
    learn(secret: string) {
      const formsBefore = forms.size;
      for (const form of formsOfAll([secret])) forms.add(form);
      if (forms.size > formsBefore) known = anyOf(forms);
    },
  });
}

/**
 * Well within the stack of whoever reads it, and well above what a payload or a row may have. A bound of our
 * own: at which depth JSON.stringify or a reviver overflows, and whether at all, differs from one Node to
 * the next, and from what else is written along.
 */
const DEPTH_MAX = 250;
const TOO_DEEP = `(cannot be shown: nests deeper than ${DEPTH_MAX} levels)`;

/**
 * Redacts each string and each field name of a JSON text by itself and keeps the text valid JSON; a field
 * named like a secret header loses its whole value. What is not JSON is redacted as plain text.
 */
export function redactJson(json: string, redact: Redactor): string {
  if (isPlainlyClean(json, redact)) return json;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return redact(json);
  }
  return JSON.stringify(redactData(value, redact));
}

/** Nearly every log line: it escapes nothing, nests little, and nothing in it is a secret or named like one. */
function isPlainlyClean(json: string, redact: Redactor): boolean {
  if (json.includes('\\') || SECRET_FIELD.test(json) || redact(json) !== json) return false;
  return (json.match(/[[{]/g)?.length ?? 0) <= DEPTH_MAX;
}

/**
 * Data as JSON.parse gives it, as anybody may see it: without secrets. Where another client's data nests
 * deeper than anybody could show it, a text that says so stands in its place.
 */
export function redactData(data: unknown, redact: Redactor): unknown {
  return redactMember('', data, redact, 0);
}

function redactMember(name: string, value: unknown, redact: Redactor, depth: number): unknown {
  if (typeof value === 'string') return SECRET_NAME.test(name) ? REDACTED : redact(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === DEPTH_MAX) return TOO_DEEP;
  if (Array.isArray(value)) return value.map((item) => redactMember('', item, redact, depth + 1));
  const members = Object.entries(value).map(([key, member]) => [
    redact(key),
    redactMember(key, member, redact, depth + 1),
  ]);
  // Which defines them, so that one called `__proto__` stays a mere member.
  return Object.fromEntries(members);
}

function formsOfAll(secrets: readonly string[]): string[] {
  return secrets.filter((secret) => secret.length >= SHORTEST_SECRET).flatMap(formsOf);
}

function anyOf(forms: ReadonlySet<string>): RegExp | undefined {
  if (forms.size === 0) return undefined;
  // Longest first: where one secret begins with another, the alternation must not stop at the short one.
  const longestFirst = [...forms].sort((a, b) => b.length - a.length);
  return new RegExp(longestFirst.map(escapeForRegExp).join('|'), 'g');
}

function formsOf(secret: string): string[] {
  // By way of bytes, since a lone surrogate cannot be URL-encoded.
  const urlEncoded = encodeURIComponent(Buffer.from(secret).toString());
  const escaped = escapeForJson(secret);
  return [
    secret,
    urlEncoded,
    urlEncoded.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    escaped,
    // An answer body quoted inside a JSON error, quoted inside a log line.
    escapeForJson(escaped),
    ...webForms(secret, escaped),
    ...base64Forms(secret),
  ];
}

/** As frameworks write it into an answer: they escape more than JSON asks for, each in its own way. */
function webForms(secret: string, escaped: string): string[] {
  const inUnicode = (letter: string) => `\\u00${letter.charCodeAt(letter.length - 1).toString(16)}`;
  return [
    // PHP
    escaped.replaceAll('/', '\\/'),
    // .NET
    escaped.replace(/\\"|[+&<>'`]/g, (letter) => inUnicode(letter).toUpperCase().replace('U', 'u')),
    // Gson
    escaped.replace(/[=&<>']/g, inUnicode),
    secret.replace(/[&<>"']/g, (letter) => HTML_NAMES[letter] ?? letter),
  ];
}

const HTML_NAMES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeForJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/**
 * Base64 of a text that holds the secret somewhere (`user:secret`): three alignments are possible, and
 * of each the characters that depend on the secret alone are looked for.
 */
function base64Forms(secret: string): string[] {
  return [0, 1, 2].flatMap((bytesBefore) => {
    const bytes = Buffer.concat([Buffer.alloc(bytesBefore), Buffer.from(secret)]);
    const firstOwn = Math.ceil((bytesBefore * 8) / 6);
    const endOfOwn = Math.floor((bytes.length * 8) / 6);
    const own = (encoding: 'base64' | 'base64url') => bytes.toString(encoding).slice(firstOwn, endOfOwn);
    const forms = [own('base64'), own('base64url')];
    return forms.filter((form) => form.length >= SHORTEST_BASE64);
  });
}

function escapeForRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
