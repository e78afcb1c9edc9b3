import { type IncomingHttpHeaders, STATUS_CODES } from 'node:http';
import { beginningOf, type Problem, toOutcomeError } from './call-error.ts';
import type { Answered, Outcome } from './outcome.ts';
import { findRefusals } from './refusals.ts';
import { parseRetryAfter } from './retry-after.ts';
import { type Envelope, parseEnvelope, parseErrorText } from './wire.ts';

/** A status line and headers came. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: AnswerBody;
}

export interface AnswerBody {
  /** Whole, or as far as it came, or at least the beginning of that. */
  readonly text: string;
  /** Of one that was read while it came: what it says besides its list; undefined: it is no answer of this API. */
  readonly read?: { readonly envelope: Envelope | undefined };
  /** What went wrong while it was read. */
  readonly problem?: Problem;
}

export interface CallContext {
  readonly durationMs: number;
  readonly resent: boolean;
  /** Ids in what was sent, which the answer may refuse one by one. */
  readonly sentIds?: readonly string[] | undefined;
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
  if (answer.status === 409) return { outcome: duplicateOr(answer, call) };
  return { outcome: classifyRefusal(answer, call) };
}

/** What a call without an answer means. Pure. */
export function classifyProblem(problem: Problem, call: CallContext): Outcome {
  const { durationMs, redact } = call;
  const failed = { durationMs, ...resentOf(call), error: toOutcomeError(problem, redact) };
  if (problem.code === 'aborted') return { kind: 'aborted', ...failed };
  if (problem.code === 'invalid_request') return { kind: 'rejected', ...failed };
  if (problem.code === 'invalid_header') return { kind: 'misconfigured', ...failed };
  return { kind: 'transient', ...failed };
}

/** A 2xx or 409 whose content does not hold: says nothing about the payload. */
export function invalidAnswer(answered: Answered, problem: Problem, { redact }: CallContext): Outcome {
  return { kind: 'transient', ...answered, error: toOutcomeError(problem, redact) };
}

/** What every outcome tells of an answer. */
function told({ status, headers, body }: Answer, call: CallContext): Answered {
  const answer = encodingOf(headers) === undefined ? { answer: shownBody(body.text, call.redact) } : {};
  return { durationMs: call.durationMs, httpStatus: status, ...resentOf(call), ...answer };
}

function resentOf({ resent }: CallContext): { readonly resent?: true } {
  return resent ? { resent } : {};
}

/**
 * Redacted before it is cut, so that no secret is cut in two; not the whole of 50 MB, but so much that what
 * redaction takes away brings nothing into view that it has not seen whole. Without NULs, between which a
 * secret of a UTF-16 text would pass unknown.
 */
function shownBody(text: string, redact: (text: string) => string): string {
  return beginningOf(redact(text.slice(0, REDACTED_LENGTH).replaceAll('\0', '')), SHOWN_LENGTH);
}

const SHOWN_LENGTH = 1_000;
const REDACTED_LENGTH = 100 * SHOWN_LENGTH;

function classifySuccess(answer: Answer, call: CallContext): Classified {
  const { status, headers, body } = answer;
  const answered = told(answer, call);
  const invalid = (problem: Problem) => ({ outcome: invalidAnswer(answered, problem, call) });
  if (body.problem !== undefined) return invalid(body.problem);
  const unreadable = unreadableHeaders(headers);
  if (unreadable !== undefined) return invalid({ code: 'invalid_answer', message: unreadable });
  const envelope = body.read ? body.read.envelope : parseEnvelope(body.text);
  if (envelope === undefined) {
    return invalid({ code: 'invalid_answer', message: `HTTP ${status} whose body is not an API answer` });
  }
  if (envelope.success) {
    const flags = flagsOf(status, envelope, call.sentIds);
    return { outcome: { kind: 'delivered', duplicate: false, ...answered, ...flags }, data: envelope.data };
  }
  const message = withApiText(`HTTP ${status} with success: false`, body.text);
  const error = toOutcomeError({ code: 'refused', message }, call.redact);
  return { outcome: { kind: 'rejected', ...answered, error } };
}

/** Where nothing was sent, nothing is refused: a catalog may have fields of any name. */
function flagsOf(status: number, envelope: Envelope, sentIds: readonly string[] | undefined) {
  if (sentIds === undefined) return {};
  const { found, ids } = findRefusals(envelope, sentIds);
  const flagged = found || status === MULTI_STATUS ? { flagged: true as const } : {};
  return { ...flagged, ...(ids.length > 0 ? { refused: ids } : {}) };
}

const MULTI_STATUS = 207;

/** As browsers know JSON (WHATWG MIME Sniffing): `text/json` is what older frameworks call it. */
const JSON_TYPE = /^(?:(?:application|text)\/json|[a-z]+\/[\w.-]+\+json)$/i;

/**
 * Why the headers forbid to believe the body. An answer without `Content-Type` declares nothing wrong: its
 * body decides. Encoded bodies are never asked for and never unpacked, so a small one can't become a huge one.
 */
function unreadableHeaders(headers: IncomingHttpHeaders): string | undefined {
  const encoding = encodingOf(headers);
  if (encoding !== undefined) return `answer is encoded (${encoding}), which was not asked for`;
  const type = headers['content-type']?.split(';', 1)[0]?.trim() ?? '';
  if (type !== '' && !JSON_TYPE.test(type)) {
    return `answer is ${type}, not JSON`;
  }
  return undefined;
}

/** Undefined for a body as it is. In its own letters: in others, redaction would not know a secret again. */
function encodingOf(headers: IncomingHttpHeaders): string | undefined {
  const encoding = headers['content-encoding']?.trim() ?? '';
  return encoding === '' || encoding.toLowerCase() === 'identity' ? undefined : encoding;
}

/** A success is believed only from a whole answer; sending again costs nothing, since the API says 409 again. */
function duplicateOr(answer: Answer, call: CallContext): Outcome {
  const { problem } = answer.body;
  if (problem !== undefined) return invalidAnswer(told(answer, call), problem, call);
  return { kind: 'delivered', duplicate: true, ...told(answer, call) };
}

/** A refusal is known by its status alone; its body, if readable, only adds the reason. */
function classifyRefusal(answer: Answer, call: CallContext): Outcome {
  const { status, headers, body } = answer;
  const message = withApiText(describeStatus(answer), body.text);
  const error = toOutcomeError({ code: `http_${status}`, message }, call.redact);
  const failed = { ...told(answer, call), error };
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
