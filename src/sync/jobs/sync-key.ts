import { hash } from 'node:crypto';

/**
 * RFC 8785: the same text for the same data, whatever the order of its members or the machine. Of what JSON can carry
 * (plain-json.ts): an `undefined` member is an absent one.
 */
export function canonicalJson(data: unknown): string {
  if (Array.isArray(data)) return canonicalList(data);
  if (isRecord(data)) return canonicalMembers(data);
  // As JSON.stringify writes it, without the way to it.
  if (typeof data === 'number' && Number.isFinite(data)) return `${data}`;
  return JSON.stringify(data) ?? 'null';
}

function canonicalList(list: readonly unknown[]): string {
  let items = '';
  // By its length: `forEach` would leave out the holes.
  for (let place = 0; place < list.length; place += 1) {
    items += `${place === 0 ? '' : ','}${canonicalJson(list[place])}`;
  }
  return `[${items}]`;
}

function canonicalMembers(record: Readonly<Record<string, unknown>>): string {
  let members = '';
  // By UTF-16 code units, as the RFC wants it.
  for (const key of Object.keys(record).sort()) {
    const value = record[key];
    if (value === undefined) continue;
    members += `${members === '' ? '' : ','}${nameText(key)}:${canonicalJson(value)}`;
  }
  return `{${members}}`;
}

/** Payloads have the same few names again and again: so many of their texts are kept, and none that is long. */
const NAMES_KEPT = 1_000;
const KEPT_LENGTH = 64;
const nameTexts = new Map<string, string>();

function nameText(name: string): string {
  const known = nameTexts.get(name);
  if (known !== undefined) return known;
  const text = JSON.stringify(name);
  if (name.length <= KEPT_LENGTH && nameTexts.size < NAMES_KEPT) nameTexts.set(name, text);
  return text;
}

function isRecord(data: unknown): data is Readonly<Record<string, unknown>> {
  return typeof data === 'object' && data !== null;
}

/** The sync key of data in canonical JSON. A corrected payload has another. */
export function syncKeyOf(canonical: string): string {
  return `ps-${hash('sha256', canonical)}`;
}

export function isSyncKey(text: string): boolean {
  return /^ps-[0-9a-f]{64}$/.test(text);
}
