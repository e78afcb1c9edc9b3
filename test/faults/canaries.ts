import { expect } from '@jest/globals';
import type { RunningProcess } from '../support/process.ts';

/**
 * Secrets by what they are of. Each begins with a name of letters alone and a `-`: it is found by that name,
 * whatever becomes of the characters that URLs, JSON and headers escape.
 */
export type Canaries = Readonly<Record<string, string>>;

/** Which of them are in a text, in whatever letters, and in Base64. */
function canariesIn(text: string, canaries: Canaries): string[] {
  const lower = text.toLowerCase();
  return Object.entries(canaries)
    .filter(([, secret]) => {
      const name = secret.slice(0, secret.indexOf('-'));
      const encoded = [`:${secret}`, secret].map((form) => Buffer.from(form).toString('base64').slice(4, 20));
      return lower.includes(name.toLowerCase()) || encoded.some((form) => text.includes(form));
    })
    .map(([name]) => name);
}

export function expectNone(canaries: Canaries, where: string, texts: readonly string[]): void {
  expect(texts.length).toBeGreaterThan(0);
  const lines = texts.flatMap((text) => text.split('\n'));
  const leaks = lines
    .filter((line) => canariesIn(line, canaries).length > 0)
    .map((line) => line.slice(0, 2_000));
  expect({ where, leaks }).toEqual({ where, leaks: [] });
}

/** All that a process wrote. */
export function wordsOf(each: RunningProcess): string {
  return each.stderr() + each.logs.map((line) => JSON.stringify(line)).join('\n');
}

/** Paths of the dashboard's pages that tell of jobs and of the circuit. */
export function pagePaths(jobIds: readonly string[]): string[] {
  const board = '/queues/api/queues';
  return [
    '/',
    '/queues',
    '/api/circuit',
    '/api/workers',
    '/api/events?limit=500',
    '/api/dead-letters?limit=1000',
    '/act',
    '/act/dead-letters/replay?all=true',
    '/act/circuit/hold',
    '/health/ready',
    '/health/live',
    '/metrics',
    '/no-such-page',
    ...['failed', 'completed'].map((status) => `${board}?activeQueue=sync&status=${status}&jobsPerPage=50`),
    ...jobIds.map((id) => `${board}/sync/${id}`),
  ];
}
