import { describe, expect, it } from '@jest/globals';
import {
  type Answer,
  type CallContext,
  classifyAnswer,
  classifyProblem,
} from '../../src/conexxus/classify.ts';
import { envelope } from './local-server.ts';

const CALL: CallContext = {
  durationMs: 12,
  resent: false,
  nowMs: Date.UTC(2025, 5, 1),
  redact: (text) => text.replaceAll('s3cret', '[redacted]'),
};
const JSON_TYPE = { 'content-type': 'application/json' };
const TRUNCATED = {
  text: '{"succ',
  problem: { code: 'connection_reset', message: 'connection lost' },
} as const;

function classify(status: number, text: string, headers: Answer['headers'] = JSON_TYPE) {
  return classifyAnswer({ status, headers, body: { text } }, CALL).outcome;
}

describe('what was answered', () => {
  function answerOf(status: number, body: string, headers: Answer['headers'] = JSON_TYPE): unknown {
    return Reflect.get(classify(status, body, headers), 'answer');
  }

  it.each([200, 201, 207, 301, 400, 401, 403, 404, 408, 409, 422, 429, 500, 503])(
    'is kept with a %i',
    (status) => {
      expect(answerOf(status, envelope({ note: 'hello' }))).toBe(envelope({ note: 'hello' }));
    },
  );

  it('is kept where it makes no sense, and as far as it came', () => {
    expect(answerOf(200, '<html>Sign in</html>', { 'content-type': 'text/html' })).toBe(
      '<html>Sign in</html>',
    );
    expect(answerOf(200, JSON.stringify({ success: false, error: 'no' }))).toContain('"no"');
    expect(answerOf(503, '')).toBe('');
    const cut = classifyAnswer({ status: 200, headers: JSON_TYPE, body: TRUNCATED }, CALL).outcome;
    expect(cut).toMatchObject({ kind: 'transient', answer: '{"succ' });
  });

  it('is kept to its 1,000th character, cut between code points', () => {
    expect(answerOf(500, 'x'.repeat(1_001))).toBe('x'.repeat(1_000));
    expect(answerOf(500, `${'x'.repeat(999)}😀`)).toBe('x'.repeat(999));
    expect(answerOf(500, `${'x'.repeat(998)}😀😀`)).toBe(`${'x'.repeat(998)}😀`);
  });

  it('is redacted before it is cut, and where it is written with NULs between', () => {
    expect(answerOf(500, `${'x'.repeat(997)}s3cret`)).toBe(`${'x'.repeat(997)}[re`);
    expect(answerOf(500, `${'s3cret '.repeat(50_000)}s3c`)).not.toContain('s3c');
    expect(answerOf(500, 'key s3cret'.split('').join('\0'))).toBe('key [redacted]');
  });

  it('is not kept where it is encoded: nobody can redact that', () => {
    expect(answerOf(200, 's3cret', { 'content-encoding': 'gzip' })).toBeUndefined();
  });

  it('is not there where none came', () => {
    expect(classifyProblem({ code: 'timeout', message: '' }, CALL)).not.toHaveProperty('answer');
  });
});

describe('a success that names refusals', () => {
  const sent = { ...CALL, sentIds: ['T-1', 'T-2'] };
  const partly = envelope({ accepted: 1, rejected: [{ id: 'T-2', reason: 'unknown SKU' }] });

  function push(status: number, text: string, call: CallContext = sent) {
    return classifyAnswer({ status, headers: JSON_TYPE, body: { text } }, call).outcome;
  }

  it.each([200, 207])('of %i is delivered and flagged, with the ids', (status) => {
    expect(push(status, partly)).toMatchObject({ kind: 'delivered', flagged: true, refused: ['T-2'] });
  });

  it('is flagged as a 207 even where no id can be found', () => {
    const outcome = push(207, envelope({}));
    expect(outcome).toMatchObject({ kind: 'delivered', flagged: true });
    expect(outcome).not.toHaveProperty('refused');
  });

  it('is found beyond what is kept of the answer', () => {
    const late = envelope({ filler: 'x'.repeat(5_000), rejected: ['T-1'] });
    expect(push(200, late)).toMatchObject({ flagged: true, refused: ['T-1'] });
  });

  it('is none where all was accepted, and none of a catalog', () => {
    expect(push(200, envelope({ accepted: ['T-1', 'T-2'] }))).not.toHaveProperty('flagged');
    expect(push(200, partly, CALL)).not.toHaveProperty('flagged');
  });

  it('is a refusal as a whole where it says success: false', () => {
    const outcome = push(207, JSON.stringify({ success: false, data: { rejected: ['T-1', 'T-2'] } }));
    expect(outcome).toMatchObject({ kind: 'rejected', httpStatus: 207 });
  });
});

describe('a call that went out twice', () => {
  it('is told of, whatever came of it', () => {
    const twice = { ...CALL, resent: true };
    const body = { text: envelope({}) };
    for (const status of [200, 409, 422, 500]) {
      expect(classifyAnswer({ status, headers: JSON_TYPE, body }, twice).outcome.resent).toBe(true);
    }
    expect(classifyProblem({ code: 'timeout', message: '' }, twice).resent).toBe(true);
    expect(classify(200, envelope({}))).not.toHaveProperty('resent');
  });
});
