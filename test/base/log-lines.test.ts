import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Happenings, tell } from '../../src/base/happenings.ts';
import { logHappenings } from '../../src/base/log-lines.ts';
import { createLogger } from '../../src/base/logger.ts';

let lines: unknown[];
let end: () => void;

beforeEach(() => {
  lines = [];
  const logger = createLogger({ level: 'info', redact: (text) => text });
  for (const level of ['info', 'warn', 'error', 'fatal'] as const) {
    logger[level] = (fields: object, text?: string) => void lines.push([level, text, fields]);
  }
  end = logHappenings(logger);
});

afterEach(() => end());

describe('the log', () => {
  it('has a line for each attempt, with what was told of it', () => {
    const attempt: Happenings['attempt-made'] = {
      jobId: 'ps-1',
      location: 'store-7',
      operation: 'push_sales',
      outcome: 'delivered',
      attempt: 1,
      durationMs: 12,
      circuit: { kind: 'recorded', state: 'closed', moved: false },
      disposition: { kind: 'complete' },
    };
    tell('attempt-made', attempt);
    expect(lines).toEqual([['info', 'attempt recorded', attempt]]);
  });

  it('tells what is wrong with this worker as a warning, and what it can do nothing about as an error', () => {
    tell('worker-benched', { cause: 'misconfigured' });
    tell('gate-failed', { error: 'refused' });
    tell('consumer-ended', { error: 'gone' });
    expect(lines).toEqual([
      ['warn', 'benched: this worker seems ill, and takes no jobs', { cause: 'misconfigured' }],
      ['error', 'the gate could not follow the circuit', { error: 'refused' }],
      ['fatal', 'the worker stopped pulling jobs', { error: 'gone' }],
    ]);
  });

  it('tells of a Postgres that stays away at the first try, and at each fifteenth after it', () => {
    for (let failures = 1; failures <= 31; failures += 1)
      tell('rows-not-written', { reason: 'away', failures });
    tell('rows-written-again', { failures: 31 });
    const away = ['error', 'event log cannot write; will try again', { reason: 'away' }];
    expect(lines).toEqual([away, away, away, ['info', 'event log writes again', { failures: 31 }]]);
  });

  it('tells of a relay what it can not do, and which sales it had to touch', () => {
    tell('relay-held', { held: 'restored' });
    tell('relay-waits', { error: 'refused' });
    tell('row-set-apart', { rowId: 7, reason: 'no date' });
    tell('payload-split', { payload: 'ps-1', sales: 4, why: 'it died' });
    tell('payload-not-moved', { payload: 'ps-1', step: 'split', error: 'refused' });
    tell('relay-ended', { error: 'gone' });
    expect(lines).toEqual([
      ['error', 'nothing is sent until a person releases it: outbox release --held', { held: 'restored' }],
      ['warn', 'the relay waits', { error: 'refused' }],
      ['warn', 'set apart: it can not be sent', { rowId: 7, reason: 'no date' }],
      ['info', 'split', { payload: 'ps-1', sales: 4, why: 'it died' }],
      ['error', 'could not go on with a payload', { payload: 'ps-1', step: 'split', error: 'refused' }],
      ['fatal', 'the relay has ended', { error: 'gone' }],
    ]);
  });

  it('tells once what comes again many times a second, for each connection', () => {
    for (let tries = 0; tries < 100; tries += 1) {
      for (const connection of ['redis', 'gate'])
        tell('redis-connection-failed', { connection, error: 'away' });
      tell('queue-failed', { error: 'away' });
    }
    expect(lines).toEqual([
      ['warn', 'Redis connection', { connection: 'redis', error: 'away' }],
      ['warn', 'Redis connection', { connection: 'gate', error: 'away' }],
      ['error', 'queue error', { error: 'away' }],
    ]);
  });

  it('says nothing of each batch of rows, nor of anything once it is ended', () => {
    tell('rows-written', { rows: 200 });
    end();
    tell('job-stalled', { jobId: 'ps-1' });
    expect(lines).toEqual([]);
  });
});
