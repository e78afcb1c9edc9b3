import { describe, expect, it } from '@jest/globals';
import { makeAttempt } from '../../src/sync/attempt.ts';
import { dispose, effectOf, type RetryPolicy } from '../../src/sync/disposition.ts';
import type { Performed } from '../../src/sync/handlers.ts';

const policy: RetryPolicy = {
  quickRetries: 3,
  retryDelayMs: 1_000,
  maxAttempts: 300,
  maxRefusedAttempts: 10,
};

describe('an attempt', () => {
  it.each<[string, () => Promise<Performed>, string]>([
    ['a sync throw', () => JSON.parse('{'), 'JSON'],
    ['a rejection', () => Promise.reject(new TypeError('no such field')), 'no such field'],
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors
    ['a rejection that is no Error', () => Promise.reject('just text'), 'just text'],
  ])('takes %s for a crash of our own code: the job dies alone', async (_, perform, text) => {
    const attempt = await makeAttempt(perform, 3);
    expect(attempt).toMatchObject({ outcome: 'crashed', attempt: 3, error: { code: 'internal_error' } });
    expect(attempt.error?.message).toContain(text);
    expect(effectOf(attempt.outcome)).toBe('crashed');
    const closed = {
      state: 'closed',
      verdict: null,
      waitMs: null,
      attempt: 3,
      deliveredSince: true,
    } as const;
    expect(dispose(attempt.outcome, closed, policy, 0)).toEqual({ kind: 'dead-letter' });
  });

  it('keeps the stack of what threw', async () => {
    const attempt = await makeAttempt(() => Promise.reject(new TypeError('here')), 1);
    expect(attempt.stack).toContain('attempt.test.ts');
  });

  it('is unstored where the answer could not be kept: fetched again later, and no fault of the API', async () => {
    const attempt = await makeAttempt(
      () =>
        Promise.resolve({
          outcome: { kind: 'delivered', duplicate: false, durationMs: 5, httpStatus: 200, answer: '[]' },
          unstored: { message: 'Postgres is away' },
        }),
      1,
    );
    expect(attempt).toMatchObject({
      outcome: 'unstored',
      answer: '[]',
      error: { code: 'catalog_unavailable' },
    });
    expect(effectOf(attempt.outcome)).toBe('success');
  });

  it('tells what the API said, and how long it asked to wait', async () => {
    const error = { code: 'http_503', message: 'down' };
    const attempt = await makeAttempt(
      () =>
        Promise.resolve({
          outcome: { kind: 'transient', durationMs: 7, httpStatus: 503, error, retryAfterMs: 9_000 },
        }),
      2,
    );
    expect(attempt).toMatchObject({
      outcome: 'transient',
      durationMs: 7,
      httpStatus: 503,
      error,
      retryAfterMs: 9_000,
    });
  });
});
