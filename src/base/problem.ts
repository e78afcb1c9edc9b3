export interface Problem {
  readonly status: number;
  /** Literal and stable: callers branch on it. Becomes the last part of the problem's `type`. */
  readonly kind: string;
  readonly title: string;
  readonly detail: string;
  /** Further members of the body. */
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An RFC 9457 answer. */
export function problem({ status, kind, title, detail, extra, headers }: Problem): Response {
  const body = { type: `urn:conexxus-sync:problem:${kind}`, title, status, detail, ...extra };
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...headers, 'content-type': 'application/problem+json' },
  });
}
