import { describe, expect, it } from '@jest/globals';
import { createRedactor } from '../../src/base/redaction.ts';
import {
  attemptEvent,
  deadLetterEvent,
  type EventSubject,
  knownEvent,
  replacedEvent,
  replacesEvent,
  resendEvent,
  shownJson,
  splitEvent,
  verdictEvent,
} from '../../src/sync/sync-event.ts';

const redact = createRedactor(['top-secret-key']);
const subject: EventSubject = {
  jobId: 'ps-1',
  name: 'push_sales',
  json: JSON.stringify({ note: 'top-secret-key', filler: 'x'.repeat(2_000) }),
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
      { ...subject, name: 'x'.repeat(5_000), json: shownJson(undefined) },
      0,
      reason,
      redact,
    );
    expect(event.type.length).toBeLessThan(120);
    expect(event.payload['data']).toBe('');
  });
});

describe('the event of a job that is done without a call', () => {
  it('has one key per life of the job', () => {
    const event = knownEvent(subject, 1_764_000_000_000, redact);
    expect(event).toMatchObject({ type: 'conexxus.sync.known.push_sales', aggregateId: 'ps-1' });
    expect(event.dedupeKey).toBe('known:ps-1:1764000000000');
  });
});

describe('the event of a split', () => {
  it('names the halves and why, without secrets', () => {
    const event = splitEvent(subject, ['ps-a', 'ps-b'], 'http_422: top-secret-key', redact);
    expect(event).toMatchObject({
      type: 'conexxus.sync.split.push_sales',
      aggregateId: 'ps-1',
      transactionIds: ['t-1', 't-2'],
      payload: { halves: ['ps-a', 'ps-b'], reason: 'http_422: [redacted]' },
    });
  });

  it('has a key that no other split of this job id has', () => {
    const keys = [1, 2].map(() => splitEvent(subject, ['ps-a', 'ps-b'], '', redact).dedupeKey);
    expect(keys[0]).toMatch(/^split:ps-1:/);
    expect(new Set(keys).size).toBe(2);
  });
});

describe('the sync key of a payload', () => {
  const word = { actor: 'olga', reason: 'any' };
  const reason = { outcome: 'rejected', attempt: 1, error: { code: 'http_422', message: 'no' } };
  const all = (about: EventSubject) => [
    attemptEvent(about, 'perm', { outcome: 'delivered', attempt: 1, durationMs: 3 }, redact),
    knownEvent(about, 0, redact),
    deadLetterEvent(about, 0, reason, redact),
    replacedEvent(about, word, { replacedBy: 'ps-2', diedOf: 'any', changes: [] }, redact),
    replacesEvent(about, word, 'ps-1', redact),
    verdictEvent('replayed', about, word, 'any', redact),
    verdictEvent('discarded', about, word, 'any', redact),
    splitEvent(about, ['ps-a', 'ps-b'], 'any', redact),
    resendEvent(about, word, redact),
  ];

  it('is in every row of a job that has one, whatever its id', () => {
    for (const { payload } of all({ ...subject, jobId: 'mine', syncKey: 'ps-1' })) {
      expect(payload['syncKey']).toBe('ps-1');
    }
    for (const { payload } of all(subject)) expect(payload).not.toHaveProperty('syncKey');
  });
});
