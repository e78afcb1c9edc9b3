import { describe, expect, it } from '@jest/globals';
import { describeFailure } from '../../src/conexxus/failure.ts';

function thrown(code: string, message = ''): Error {
  return Object.assign(new Error(message), { code });
}

describe('a failure on the way', () => {
  it.each([
    ['ECONNREFUSED', 'connection_refused'],
    ['ECONNRESET', 'connection_reset'],
    ['EPIPE', 'connection_reset'],
    ['ETIMEDOUT', 'timeout'],
    ['ENOTFOUND', 'dns'],
    ['EAI_AGAIN', 'dns'],
    ['EAI_FAIL', 'dns'],
    ['EHOSTUNREACH', 'network'],
    ['ENETUNREACH', 'network'],
    ['HPE_INVALID_CONSTANT', 'invalid_answer'],
    ['EPROTO', 'tls'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls'],
    ['CERT_REVOKED', 'tls'],
    ['CERT_NOT_YET_VALID', 'tls'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls'],
    ['constructor', 'network'],
  ])('%s is %s', (code, expected) => {
    expect(describeFailure(thrown(code), 'api.test', 1_000)).toMatchObject({ code: expected });
  });

  it('names the host even where the error has no text', () => {
    expect(describeFailure(thrown('ECONNREFUSED'), 'api.test:81', 1_000).message).toContain('api.test:81');
  });

  it.each([['a text'], [undefined], [{ code: 7 }]])('takes %j for a network failure', (value) => {
    expect(describeFailure(value, 'api.test', 1_000).code).toBe('network');
  });
});
