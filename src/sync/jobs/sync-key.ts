import { hash } from 'node:crypto';

/**
 * RFC 8785: the same text for the same data, whatever the order of its members or the machine. Of what JSON can carry
 * (plain-json.ts): an `undefined` member is an absent one.
 */
export function canonicalJson(data: unknown): string {
  if (Array.isArray(data)) return `[${data.map((item) => canonicalJson(item)).join(',')}]`;
  if (typeof data !== 'object' || data === null) return JSON.stringify(data) ?? 'null';
  let members = '';
  // By UTF-16 code units, as the RFC wants it.
  for (const key of Object.keys(data).sort()) {
    const value: unknown = Reflect.get(data, key);
    if (value === undefined) continue;
    members += `${members === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(value)}`;
  }
  return `{${members}}`;
}

/** The sync key of data in canonical JSON. A corrected payload has another. */
export function syncKeyOf(canonical: string): string {
  return `ps-${hash('sha256', canonical)}`;
}

export function isSyncKey(text: string): boolean {
  return /^ps-[0-9a-f]{64}$/.test(text);
}
