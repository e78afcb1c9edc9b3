import { randomBytes } from 'node:crypto';

/** The Redis that all test files share, by names of their own. */
export function testRedisUrl(): string {
  const url = process.env['TEST_REDIS_URL'];
  if (url === undefined) throw new Error('TEST_REDIS_URL is not set: run the tests with the global setup.');
  return url;
}

export function uniqueNamespace(): string {
  return `test-${randomBytes(6).toString('hex')}`;
}
