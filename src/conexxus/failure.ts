import { TimeoutError } from 'got';
import { errorMessage } from '../base/errors.ts';
import type { CallErrorCode, Problem } from './call-error.ts';

/** What the messages name. */
export interface Destination {
  readonly host: string;
  readonly timeoutMs: number;
  /** Addresses that were tried, as Node writes them (`::1:443`); undefined once there was a connection. */
  readonly tried?: readonly string[] | undefined;
}

/** What a thrown network error means, by its code. Pure. */
export function describeFailure(thrown: unknown, { host, timeoutMs, tried }: Destination): Problem {
  if (thrown instanceof TimeoutError) {
    const silence = tried === undefined ? '' : `: no connection${addressesText(tried)}`;
    return { code: 'timeout', message: `${host} gave no whole answer within ${timeoutMs} ms${silence}` };
  }
  const attempts = attemptsOf(thrown);
  const code = (attempts.find((attempt) => attempt.code === 'ECONNREFUSED') ?? attempts[0])?.code ?? '';
  const details = attempts.map((attempt) => attemptText(attempt, host)).join(', ');
  const certificate = CERTIFICATE_PROBLEMS.get(code);
  if (certificate !== undefined) return { code: 'tls', message: `TLS: ${host}: ${certificate} (${details})` };
  if (isTls(code)) return { code: 'tls', message: `TLS: ${host}: no secure connection (${details})` };
  const known = KNOWN.get(code) ?? (code.startsWith('EAI_') ? DNS : undefined);
  if (known !== undefined) return { code: known.code, message: `${host}: ${known.text} (${details})` };
  if (code.startsWith('HPE_')) {
    return { code: 'invalid_answer', message: `${host}: answer is not HTTP (${details})` };
  }
  return { code: 'network', message: `${host}: ${errorMessage(thrown)}` };
}

/** An address of the host, and why it could not be used. */
interface Attempt {
  readonly code: string;
  readonly address: string | undefined;
}

/**
 * One where there was one address; all of them where none of several could be reached: Node packs these into
 * an AggregateError without a text, and got wraps either. Read by shape, never by class: the errors of Node
 * need not be of our realm, and a failed write comes past got as it is.
 */
function attemptsOf(thrown: unknown): readonly Attempt[] {
  const cause = field(thrown, 'cause') ?? thrown;
  const errors = field(cause, 'errors');
  const several: readonly unknown[] = Array.isArray(errors) ? errors : [];
  return several.length > 0
    ? several.map(toAttempt)
    : [toAttempt(field(cause, 'code') === undefined ? thrown : cause)];
}

function toAttempt(error: unknown): Attempt {
  const [code, address, port] = [field(error, 'code'), field(error, 'address'), field(error, 'port')];
  return {
    code: typeof code === 'string' ? code : '',
    address: typeof address === 'string' ? withPort(address, port) : undefined,
  };
}

function addressesText(tried: readonly string[]): string {
  const addresses = tried.map((address) => address.replace(/^(.*:.*):(\d+)$/, '[$1]:$2'));
  return addresses.length === 0 ? '' : ` (${addresses.join(', ')})`;
}

function withPort(address: string, port: unknown): string {
  const name = address.includes(':') ? `[${address}]` : address;
  return typeof port === 'number' ? `${name}:${port}` : name;
}

function attemptText({ code, address }: Attempt, host: string): string {
  return address === undefined || address === host ? code : `${address} ${code}`;
}

function field(of: unknown, name: string): unknown {
  if (typeof of !== 'object' || of === null) return undefined;
  const value: unknown = Reflect.get(of, name);
  return value;
}

interface Known {
  readonly code: CallErrorCode;
  readonly text: string;
}

const DNS: Known = { code: 'dns', text: 'host name not found' };

const KNOWN: ReadonlyMap<string, Known> = new Map<string, Known>([
  ['ECONNREFUSED', { code: 'connection_refused', text: 'connection refused' }],
  ['ECONNRESET', { code: 'connection_reset', text: 'connection lost' }],
  ['EPIPE', { code: 'connection_reset', text: 'connection lost' }],
  ['ERR_HTTP_CONTENT_LENGTH_MISMATCH', { code: 'connection_reset', text: 'answer truncated' }],
  // As Windows has it.
  ['ECONNABORTED', { code: 'connection_reset', text: 'connection lost' }],
  ['ETIMEDOUT', { code: 'timeout', text: 'no connection' }],
  ['EHOSTUNREACH', { code: 'network', text: 'no way to the host' }],
  ['ENETUNREACH', { code: 'network', text: 'no way to the network of the host' }],
  ['ENOTFOUND', DNS],
  [
    'ERR_INVALID_CHAR',
    { code: 'invalid_header', text: 'CONEXXUS_API_KEY holds characters no header may hold' },
  ],
]);

const UNKNOWN_CA =
  'the certificate is signed by an unknown authority; if that is a private CA, name it in CONEXXUS_CA_FILE';

const CERTIFICATE_PROBLEMS: ReadonlyMap<string, string> = new Map([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'the certificate is self-signed; to trust it, name it in CONEXXUS_CA_FILE'],
  ['SELF_SIGNED_CERT_IN_CHAIN', UNKNOWN_CA],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', UNKNOWN_CA],
  ['UNABLE_TO_GET_ISSUER_CERT', UNKNOWN_CA],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', UNKNOWN_CA],
  ['CERT_HAS_EXPIRED', "the certificate has expired: it must be renewed, or this machine's clock is wrong"],
  ['CERT_NOT_YET_VALID', "the certificate is not valid yet: is this machine's clock right?"],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'the certificate is for another host name: check CONEXXUS_API_URL'],
]);

/** OpenSSL's own codes have no common prefix for certificates: `CERT_REVOKED`, `INVALID_CA`, … */
function isTls(code: string): boolean {
  return (
    code === 'EPROTO' || /^(?:ERR_SSL_|ERR_TLS_|ERR_OSSL_|CERT_|CRL_|INVALID_(?:CA|PURPOSE)$)/.test(code)
  );
}
