import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';

/** RFC 8785: the same text for the same data, whatever the order of its members or the machine. */
export function canonicalJson(data: unknown): string {
  return canonicalize(data) ?? 'null';
}

/** The sync key of data in canonical JSON. A corrected payload has another. */
export function syncKeyOf(canonical: string): string {
  return `ps-${hash('sha256', canonical)}`;
}

export function isSyncKey(text: string): boolean {
  return /^ps-[0-9a-f]{64}$/.test(text);
}
