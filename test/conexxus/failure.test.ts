import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { describeFailure } from '../../src/conexxus/failure.ts';

const API = { host: 'api.test', timeoutMs: 1_000 };

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
    ['ECONNABORTED', 'connection_reset'],
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
    expect(describeFailure(thrown(code), API)).toMatchObject({ code: expected });
  });

  it('names the host even where the error has no text', () => {
    expect(describeFailure(thrown('ECONNREFUSED'), { ...API, host: 'api.test:81' }).message).toContain(
      'api.test:81',
    );
  });

  it.each([['a text'], [undefined], [{ code: 7 }]])('takes %j for a network failure', (value) => {
    expect(describeFailure(value, API).code).toBe('network');
  });

  it('of all addresses names each with its code', () => {
    const silent = Object.assign(thrown('ETIMEDOUT'), { address: '2001:db8::1', port: 443 });
    const refused = Object.assign(thrown('ECONNREFUSED'), { address: '192.0.2.1', port: 443 });
    const all = Object.assign(new AggregateError([silent, refused]), { code: 'ETIMEDOUT' });
    const wrapped = Object.assign(new Error('', { cause: all }), { code: 'ETIMEDOUT' });
    for (const failure of [all, wrapped]) {
      expect(describeFailure(failure, API)).toEqual({
        code: 'connection_refused',
        message: 'api.test: connection refused ([2001:db8::1]:443 ETIMEDOUT, 192.0.2.1:443 ECONNREFUSED)',
      });
    }
  });

  it('of one address names it, but not where it is the host', () => {
    const refused = Object.assign(thrown('ECONNREFUSED'), { address: '192.0.2.1', port: 443 });
    expect(describeFailure(refused, API).message).toBe(
      'api.test: connection refused (192.0.2.1:443 ECONNREFUSED)',
    );
    expect(describeFailure(refused, { ...API, host: '192.0.2.1:443' }).message).toBe(
      '192.0.2.1:443: connection refused (ECONNREFUSED)',
    );
  });

  it('is known by its code though it is an error of another realm', () => {
    expect(
      describeFailure(runInNewContext("Object.assign(new Error('x'), { code: 'EPROTO' })"), API).code,
    ).toBe('tls');
  });
});
