import { describe, expect, it } from '@jest/globals';
import { createRedactor } from '../../src/base/redaction.ts';
import { attemptEvent, deadLetterEvent, type EventSubject } from '../../src/sync/sync-event.ts';

const redact = createRedactor(['top-secret-key']);
const subject: EventSubject = {
  jobId: 'ps-1',
  name: 'push_sales',
  data: { note: 'top-secret-key', filler: 'x'.repeat(2_000) },
  locationId: 'store-1',
  transactionIds: ['t-1', 't-2'],
};

describe('the event of an attempt', () => {
  it('is a success only where the sale was delivered', () => {
    const delivered = attemptEvent(
      subject,
      'perm',
      { outcome: 'delivered', attempt: 1, durationMs: 3 },
      redact,
    );
    expect(delivered.type).toBe('conexxus.sync.succeeded.push_sales');
    const failed = attemptEvent(subject, 'perm', { outcome: 'transient', attempt: 1, durationMs: 3 }, redact);
    expect(failed.type).toBe('conexxus.sync.failed.push_sales');
    expect(failed.payload).toMatchObject({
      operation: 'push_sales',
      outcome: 'transient',
      transactionCount: 2,
    });
  });

  it('has one key per permission and type', () => {
    const event = attemptEvent(subject, 'perm', { outcome: 'delivered', attempt: 1, durationMs: 3 }, redact);
    expect(event.dedupeKey).toBe('perm:conexxus.sync.succeeded.push_sales');
  });

  it('holds what was answered, what that refuses inside, and whether the call went out twice', () => {
    const told = { answer: '{"success":true}', flagged: true, refused: ['t-2'], resent: true };
    const attempt = { outcome: 'delivered', attempt: 1, durationMs: 3, ...told } as const;
    expect(attemptEvent(subject, 'perm', attempt, redact).payload).toMatchObject(told);
  });

  it('holds the beginning of the request, without secrets', () => {
    const { payload } = attemptEvent(
      subject,
      'perm',
      { outcome: 'delivered', attempt: 1, durationMs: 3 },
      redact,
    );
    expect(payload['data']).toHaveLength(1_000);
    expect(payload['data']).not.toContain('top-secret-key');
    expect(payload['data']).toContain('[redacted]');
  });
});

describe('the event of a death', () => {
  const reason = { outcome: 'rejected', attempt: 1, error: { code: 'http_422', message: 'no' } };

  it('has one key per death of the job', () => {
    expect(deadLetterEvent(subject, 1_764_000_000_000, reason, redact).dedupeKey).toBe(
      'dead:ps-1:1764000000000',
    );
  });

  it('survives a job name that another client made up', () => {
    const event = deadLetterEvent(
      { ...subject, name: 'x'.repeat(5_000), data: undefined },
      0,
      reason,
      redact,
    );
    expect(event.type.length).toBeLessThan(120);
    expect(event.payload['data']).toBe('');
  });
});
