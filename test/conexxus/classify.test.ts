import { describe, expect, it } from '@jest/globals';
import { type Answer, classifyAnswer, classifyProblem } from '../../src/conexxus/classify.ts';
import type { Outcome } from '../../src/conexxus/outcome.ts';
import { envelope } from './local-server.ts';

const CALL = {
  durationMs: 12,
  resent: false,
  nowMs: Date.UTC(2025, 5, 1),
  redact: (text: string) => text.replaceAll('s3cret', '[redacted]'),
};
const JSON_TYPE = { 'content-type': 'application/json' };
const TRUNCATED = {
  text: '{"succ',
  problem: { code: 'connection_reset', message: 'connection lost' },
} as const;

function classify(status: number, text: string, headers: Answer['headers'] = JSON_TYPE) {
  return classifyAnswer({ status, headers, body: { text } }, CALL).outcome;
}

function messageOf(outcome: Outcome): string {
  return 'error' in outcome ? outcome.error.message : '';
}

describe('an answer by its status', () => {
  it.each([
    [200, 'delivered'],
    [201, 'delivered'],
    [299, 'delivered'],
    [301, 'misconfigured'],
    [302, 'misconfigured'],
    [304, 'misconfigured'],
    [308, 'misconfigured'],
    [400, 'rejected'],
    [401, 'misconfigured'],
    [402, 'rejected'],
    [403, 'forbidden'],
    [404, 'not_found'],
    [405, 'rejected'],
    [408, 'transient'],
    [409, 'delivered'],
    [410, 'rejected'],
    [413, 'rejected'],
    [418, 'rejected'],
    [422, 'rejected'],
    [425, 'transient'],
    [429, 'rate_limited'],
    [499, 'rejected'],
    [500, 'transient'],
    [502, 'transient'],
    [503, 'transient'],
    [504, 'transient'],
    [599, 'transient'],
    [999, 'transient'],
  ])('%i is %s', (status, kind) => {
    expect(classify(status, envelope({}))).toMatchObject({ kind, httpStatus: status, durationMs: 12 });
  });

  it('marks a 409 as a duplicate and a 200 as none', () => {
    expect(classify(409, 'whatever')).toMatchObject({ kind: 'delivered', duplicate: true });
    expect(classify(200, envelope({}))).toMatchObject({ kind: 'delivered', duplicate: false });
  });

  it('hands out the data of a success', () => {
    const answer = { status: 200, headers: JSON_TYPE, body: { text: envelope([1, 2]) } };
    expect(classifyAnswer(answer, CALL).data).toEqual([1, 2]);
  });

  it('knows a refusal by its status though its body is cut, but not a success', () => {
    const cut = (status: number) =>
      classifyAnswer({ status, headers: JSON_TYPE, body: TRUNCATED }, CALL).outcome;
    expect(cut(422)).toMatchObject({ kind: 'rejected', error: { code: 'http_422' } });
    expect(cut(401)).toMatchObject({ kind: 'misconfigured' });
    expect(cut(200)).toMatchObject({
      kind: 'transient',
      httpStatus: 200,
      error: { code: 'connection_reset' },
    });
    expect(cut(409)).toMatchObject({
      kind: 'transient',
      httpStatus: 409,
      error: { code: 'connection_reset' },
    });
  });
});

describe('a 2xx that can not be believed', () => {
  it.each([
    ['no body', ''],
    ['HTML', '<!doctype html><title>Sign in to the hotel network</title>'],
    ['half an answer', '{"success":true,"data":'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a text', '"ok"'],
    ['no success field', '{"data":{}}'],
    ['a success that is no boolean', '{"success":"true"}'],
  ])('is transient with %s', (_name, text) => {
    expect(classify(200, text)).toMatchObject({
      kind: 'transient',
      httpStatus: 200,
      error: { code: 'invalid_answer' },
    });
  });

  it.each([
    'text/html',
    'text/plain; charset=utf-8',
    'application/xml',
    'application/jsonp',
    'multipart/json',
  ])('is transient as %s, whatever the body says', (type) => {
    expect(classify(200, envelope({}), { 'content-type': type })).toMatchObject({
      kind: 'transient',
      error: { code: 'invalid_answer' },
    });
  });

  it.each([
    'application/json',
    'Application/JSON; charset=utf-8',
    'application/vnd.conexxus.v1+json',
    'text/json; charset=utf-8',
    undefined,
  ])('is delivered as %s', (type) => {
    const headers = type === undefined ? {} : { 'content-type': type };
    expect(classify(200, envelope({}), headers)).toMatchObject({ kind: 'delivered' });
  });

  it('is transient when it is encoded, which nobody asked for', () => {
    const headers = { ...JSON_TYPE, 'content-encoding': 'gzip' };
    expect(classify(200, envelope({}), headers)).toMatchObject({
      kind: 'transient',
      error: { code: 'invalid_answer' },
    });
    expect(classify(200, envelope({}), { ...headers, 'content-encoding': 'identity' }).kind).toBe(
      'delivered',
    );
  });

  it('is rejected when it says success: false, with the reason of the API', () => {
    const outcome = classify(200, JSON.stringify({ success: false, error: 'unknown sku' }));
    expect(outcome).toMatchObject({ kind: 'rejected', httpStatus: 200, error: { code: 'refused' } });
    expect(messageOf(outcome)).toContain('unknown sku');
  });
});

describe('the message', () => {
  it.each([
    ['a text', 'total is missing'],
    ['an object', { code: 17, message: 'total is missing' }],
  ])('carries the error of the API when it is %s', (_name, error) => {
    const outcome = classify(400, JSON.stringify({ success: false, error }));
    expect(outcome).toMatchObject({
      error: { code: 'http_400', message: 'HTTP 400 Bad Request: total is missing' },
    });
  });

  it.each(['', '<html>', '{"error":42}', '{"error":null}'])('does without it for the body %j', (body) => {
    expect(messageOf(classify(400, body))).toBe('HTTP 400 Bad Request');
  });

  it('names what to put right', () => {
    expect(messageOf(classify(401, ''))).toContain('CONEXXUS_API_KEY');
    const redirect = messageOf(classify(302, '', { location: 'https://login.test/in?token=1' }));
    expect(redirect).toContain('https://login.test');
    expect(redirect).toContain('CONEXXUS_API_URL');
    expect(redirect).not.toContain('token');
    expect(messageOf(classify(302, '', { location: '/in' }))).toContain('CONEXXUS_API_URL');
  });

  it('is redacted before it is cut, and stays within 300 characters', () => {
    const outcome = classify(
      400,
      JSON.stringify({ error: `${'x'.repeat(265)} s3cret and more of the same text` }),
    );
    expect(messageOf(outcome)).toHaveLength(300);
    expect(messageOf(outcome)).not.toContain('s3c');
  });

  it('is not cut within a character', () => {
    for (const pad of ['', 'x']) {
      const message = messageOf(classify(400, JSON.stringify({ error: pad + '🧾'.repeat(300) })));
      expect(message.length).toBeLessThanOrEqual(300);
      expect(message).not.toMatch(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])/);
    }
  });
});

describe('Retry-After', () => {
  const headers = { ...JSON_TYPE, 'retry-after': '9' };

  it.each([429, 503])('is read on a %i', (status) => {
    expect(classify(status, '', headers)).toMatchObject({ retryAfterMs: 9_000 });
  });

  it.each([400, 401, 500, 502])('is ignored on a %i', (status) => {
    expect(classify(status, '', headers)).not.toHaveProperty('retryAfterMs');
  });

  it('leaves no field behind when it is junk', () => {
    expect(classify(429, '', { 'retry-after': 'soon' })).not.toHaveProperty('retryAfterMs');
  });
});

describe('a call without an answer', () => {
  it.each([
    ['timeout', 'transient'],
    ['connection_refused', 'transient'],
    ['connection_reset', 'transient'],
    ['dns', 'transient'],
    ['tls', 'transient'],
    ['network', 'transient'],
    ['invalid_answer', 'transient'],
    ['aborted', 'aborted'],
    ['invalid_request', 'rejected'],
    ['invalid_header', 'misconfigured'],
  ] as const)('%s is %s', (code, kind) => {
    const outcome = classifyProblem({ code, message: 'has the s3cret' }, CALL);
    expect(outcome).toEqual({ kind, durationMs: 12, error: { code, message: 'has the [redacted]' } });
  });
});
