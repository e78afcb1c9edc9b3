import type { OutcomeError } from './outcome.ts';

/** Every `code` that a call can end with. Behaviour is keyed on these and on the status, never on text. */
export type CallErrorCode =
  /** No whole answer in time. */
  | 'timeout'
  | 'connection_refused'
  | 'connection_reset'
  | 'dns'
  | 'tls'
  /** Any other trouble on the way. */
  | 'network'
  /** Truncated, not JSON, encoded, or of a shape that the API does not document. */
  | 'invalid_answer'
  | 'answer_too_large'
  /** A 2xx that says `success: false`. */
  | 'refused'
  /** The health check answered, but not with `ok`. */
  | 'unhealthy'
  | 'aborted'
  /** The request could not be written down as JSON or headers: the payload's fault. */
  | 'invalid_request'
  /** The API key or user agent holds characters that no header may hold. */
  | 'invalid_header'
  | `http_${number}`;

/** What went wrong, not yet redacted: stays inside this folder. */
export interface Problem {
  readonly code: CallErrorCode;
  readonly message: string;
}

const MAX_MESSAGE_LENGTH = 300;

/** The only way from a problem to an error that others see: redacted first, so that no secret is cut in two. */
export function toOutcomeError(problem: Problem, redact: (text: string) => string): OutcomeError {
  const message = redact(problem.message);
  if (message.length <= MAX_MESSAGE_LENGTH) return { code: problem.code, message };
  return { code: problem.code, message: `${beginningOf(message, MAX_MESSAGE_LENGTH - 1)}…` };
}

/** At most `max` UTF-16 units, cut between code points. */
export function beginningOf(text: string, max: number): string {
  return text.length <= max ? text : text.slice(0, max).replace(/[\uD800-\uDBFF]$/, '');
}
