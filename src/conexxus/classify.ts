import { type IncomingHttpHeaders, STATUS_CODES } from 'node:http';
import { type Problem, toOutcomeError } from './call-error.ts';
import type { Outcome } from './outcome.ts';
import { parseRetryAfter } from './retry-after.ts';
import { parseEnvelope, parseErrorText } from './wire.ts';

/** A status line and headers came; the body came whole, or something went wrong while reading it. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: { readonly text: string } | { readonly problem: Problem };
}

export interface CallContext {
  readonly durationMs: number;
  readonly resent: boolean;
  /** Epoch ms, for a `Retry-After` date in an answer that has no `Date`. */
  readonly nowMs: number;
  readonly redact: (text: string) => string;
}

export interface Classified {
  readonly outcome: Outcome;
  /** The envelope's `data`, where the outcome is delivered. */
  readonly data?: unknown;
}

/** What an answer means. Pure. */
export function classifyAnswer(answer: Answer, call: CallContext): Classified {
  if (answer.status >= 200 && answer.status <= 299) return classifySuccess(answer, call);
  const { status, body } = answer;
  if (status === 409) return { outcome: duplicateOr(body, call) };
  return { outcome: classifyRefusal(answer, call) };
}

/** What a call without an answer means. Pure. */
export function classifyProblem(problem: Problem, call: CallContext): Outcome {
  const failed = { ...told(call), error: toOutcomeError(problem, call.redact) };
  if (problem.code === 'aborted') return { kind: 'aborted', ...failed };
  if (problem.code === 'invalid_request') return { kind: 'rejected', ...failed };
  if (problem.code === 'invalid_header') return { kind: 'misconfigured', ...failed };
  return { kind: 'transient', ...failed };
}

/** A 2xx or 409 whose content does not hold: says nothing about the payload. */
export function invalidAnswer(status: number, problem: Problem, call: CallContext): Outcome {
  const error = toOutcomeError(problem, call.redact);
  return { kind: 'transient', ...told(call), httpStatus: status, error };
}

function told({ durationMs, resent }: CallContext) {
  return { durationMs, ...(resent ? { resent: true as const } : {}) };
}

function classifySuccess(answer: Answer, call: CallContext): Classified {
  const { status, headers, body } = answer;
  const invalid = (problem: Problem) => ({ outcome: invalidAnswer(status, problem, call) });
  if ('problem' in body) return invalid(body.problem);
  const unreadable = unreadableHeaders(headers);
  if (unreadable !== undefined) return invalid({ code: 'invalid_answer', message: unreadable });
  const envelope = parseEnvelope(body.text);
  if (envelope === undefined) {
    return invalid({ code: 'invalid_answer', message: `HTTP ${status} whose body is not an API answer` });
  }
  const answered = { ...told(call), httpStatus: status };
  if (envelope.success) {
    return { outcome: { kind: 'delivered', duplicate: false, ...answered }, data: envelope.data };
  }
  const message = withApiText(`HTTP ${status} with success: false`, body.text);
  const error = toOutcomeError({ code: 'refused', message }, call.redact);
  return { outcome: { kind: 'rejected', ...answered, error } };
}

/** As browsers know JSON (WHATWG MIME Sniffing): `text/json` is what older frameworks call it. */
const JSON_TYPE = /^(?:(?:application|text)\/json|[a-z]+\/[\w.-]+\+json)$/i;

/**
 * Why the headers forbid to believe the body. An answer without `Content-Type` declares nothing wrong: its
 * body decides. Encoded bodies are never asked for and never unpacked, so a small one can't become a huge one.
 */
function unreadableHeaders(headers: IncomingHttpHeaders): string | undefined {
  // Told in its own letters: in others, redaction would not know a secret again.
  const encoding = headers['content-encoding']?.trim() ?? '';
  if (encoding !== '' && encoding.toLowerCase() !== 'identity') {
    return `answer is encoded (${encoding}), which was not asked for`;
  }
  const type = headers['content-type']?.split(';', 1)[0]?.trim() ?? '';
  if (type !== '' && !JSON_TYPE.test(type)) {
    return `answer is ${type}, not JSON`;
  }
  return undefined;
}

/** A success is believed only from a whole answer; sending again costs nothing, since the API says 409 again. */
function duplicateOr(body: Answer['body'], call: CallContext): Outcome {
  if ('problem' in body) return invalidAnswer(409, body.problem, call);
  return { kind: 'delivered', duplicate: true, ...told(call), httpStatus: 409 };
}

/** A refusal is known by its status alone; its body, if readable, only adds the reason. */
function classifyRefusal(answer: Answer, call: CallContext): Outcome {
  const { status, headers, body } = answer;
  const message = withApiText(describeStatus(answer), 'text' in body ? body.text : '');
  const error = toOutcomeError({ code: `http_${status}`, message }, call.redact);
  const failed = { ...told(call), httpStatus: status, error };
  const retryAfterMs = status === 429 || status === 503 ? parseRetryAfter(headers, call.nowMs) : undefined;
  const kind = refusalKind(status);
  return { kind, ...failed, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

function refusalKind(status: number) {
  if (status === 401 || (status >= 300 && status <= 399)) return 'misconfigured';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'not_found';
  if (status === 429) return 'rate_limited';
  if (status === 408 || status === 425) return 'transient';
  return status >= 400 && status <= 499 ? 'rejected' : 'transient';
}

function describeStatus({ status, headers }: Answer): string {
  const text = `HTTP ${status} ${STATUS_CODES[status] ?? ''}`.trim();
  if (status === 401) return `${text} (check CONEXXUS_API_KEY)`;
  if (status >= 300 && status <= 399) {
    const { location = '' } = headers;
    const target = URL.canParse(location) ? ` to ${new URL(location).origin}` : '';
    return `${text}${target}, not followed (check CONEXXUS_API_URL)`;
  }
  return text;
}

function withApiText(text: string, body: string): string {
  const reason = parseErrorText(body);
  return reason === undefined ? text : `${text}: ${reason}`;
}
