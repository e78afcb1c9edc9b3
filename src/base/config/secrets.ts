/** What of a sensitive address must be seen nowhere. */
export function secretsIn(value: string): string[] {
  const scheme = /^([a-z]+):\/\//i.exec(value)?.[1]?.toLowerCase();
  if (scheme === undefined) return [value];
  if (scheme.startsWith('http')) return [value, ...pathOf(value)];
  const raw = [/:\/\/[^:@/]*:(.*)@/, /[?&]password=([^&#]*)/].map((pattern) => pattern.exec(value)?.[1]);
  const passwords = raw.flatMap((password) => (password ? [password, decoded(password)] : []));
  // The address of a Redis without a password is no secret, and errors are clearer with it.
  return passwords.length > 0 || scheme.startsWith('postgres') ? [value, ...passwords] : [];
}

/** Errors of HTTP clients name the path alone; a webhook's token is in it. */
function pathOf(value: string): string[] {
  if (!URL.canParse(value)) return [];
  const { pathname, search } = new URL(value);
  return pathname.length > 1 ? [pathname + search, pathname] : [];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
