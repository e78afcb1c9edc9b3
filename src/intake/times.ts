/** ISO 8601, of ms. */
export function isoOf(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
