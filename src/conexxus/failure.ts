import { TimeoutError } from 'got';
import { errorMessage } from '../base/errors.ts';
import type { CallErrorCode, Problem } from './call-error.ts';

/** What a thrown network error means, by its code. Pure. `host` and `timeoutMs` are for the message. */
export function describeFailure(thrown: unknown, host: string, timeoutMs: number): Problem {
  if (thrown instanceof TimeoutError) {
    return { code: 'timeout', message: `${host} gave no whole answer within ${timeoutMs} ms` };
  }
  const code = errorCode(thrown);
  const certificate = CERTIFICATE_PROBLEMS.get(code);
  if (certificate !== undefined) return { code: 'tls', message: `TLS: ${host}: ${certificate} (${code})` };
  if (isTls(code)) return { code: 'tls', message: `TLS: ${host}: no secure connection (${code})` };
  const known = KNOWN.get(code) ?? (code.startsWith('EAI_') ? DNS : undefined);
  if (known !== undefined) return { code: known.code, message: `${host}: ${known.text} (${code})` };
  if (code.startsWith('HPE_')) {
    return { code: 'invalid_answer', message: `${host}: answer is not HTTP (${code})` };
  }
  return { code: 'network', message: `${host}: ${errorMessage(thrown)}` };
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
  ['ETIMEDOUT', { code: 'timeout', text: 'no connection' }],
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

function errorCode(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
}
