/** What a call to Conexxus came to. The client answers with one of these; it throws for none of them. */
export type Outcome =
  /** The back office has it: a 2xx with `success: true`, or a 409 (`duplicate`: it had it before). */
  | (Answered & { readonly kind: 'delivered'; readonly duplicate: boolean } & Flags)
  /** Says nothing about the payload: network, timeout, 408, 425, 5xx, unreadable answer. */
  | (Failed & { readonly kind: 'transient'; readonly retryAfterMs?: number })
  | (Failed & { readonly kind: 'forbidden' })
  | (Failed & { readonly kind: 'not_found' })
  /** 401 or a redirect: nothing can succeed until a person puts the configuration right. */
  | (Failed & { readonly kind: 'misconfigured' })
  | (Failed & { readonly kind: 'rate_limited'; readonly retryAfterMs?: number })
  /** The API refuses this payload, and would again. */
  | (Failed & { readonly kind: 'rejected' })
  /** Our own shutdown cut the call off. */
  | (Failed & { readonly kind: 'aborted' });

export type OutcomeKind = Outcome['kind'];

interface Flags {
  /** The answer names refusals inside the success, or is a 207, which is made for that. */
  readonly flagged?: true;
  /** Which of the ids that were sent it names as refused; absent where there are none. */
  readonly refused?: readonly string[];
}

interface Told {
  readonly durationMs: number;
  /** The beginning of the answer's body, as far as it came: redacted. Absent where no answer came. */
  readonly answer?: string;
  /** It went out twice, under the same key: what came of the first time was never heard. */
  readonly resent?: true;
}

/** What is told of every answer, whatever it means. */
export interface Answered extends Told {
  readonly httpStatus: number;
}

interface Failed extends Told {
  /** Absent where no answer came. */
  readonly httpStatus?: number;
  readonly error: OutcomeError;
}

/** `code` is ours and literal (`timeout`, `http_503`, `invalid_answer`, …); `message` is redacted. */
export interface OutcomeError {
  readonly code: string;
  readonly message: string;
}
