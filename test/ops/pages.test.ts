import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CLOSED, OPERATOR, type OpsHarness, startOps, VIEWER } from './harness.ts';

let ops: OpsHarness;
beforeEach(async () => {
  ops = await startOps();
});
afterEach(() => ops.close());

const get = (path: string) => ops.call('GET', path, { as: OPERATOR });

/** Everything that a browser would fetch for this page. */
function fetchedBy(html: string): string[] {
  return [...html.matchAll(/<(?:link|script|img|iframe)\b[^>]*\b(?:href|src)="([^"]*)"/g)].map(
    ([, url]) => url ?? '',
  );
}

describe('GET /api/circuit', () => {
  it('is the circuit and what pauses the queue', async () => {
    const hold = { actor: 'olga', reason: 'stocktaking', since: 5 };
    ops.circuitIs({ ...CLOSED, state: 'half-open', phase: 'trials', epoch: 7, since: 5, successes: 1, hold });
    await ops.pauseAsCircuit();
    expect((await get('/api/circuit')).json()).toEqual({
      ...CLOSED,
      state: 'half-open',
      phase: 'trials',
      epoch: 7,
      since: 5,
      successes: 1,
      hold,
      pausedBy: ['hold'],
    });
  });

  it('is a 503 while Redis is away, and so is the board', async () => {
    ops.circuitFails(new Error('connect ECONNREFUSED 10.0.0.7:6379'));
    const ended = once(ops.redis, 'end');
    ops.redis.disconnect();
    await ended;
    const answers = [await get('/api/circuit'), await get('/queues/api/queues')];
    await ops.redis.connect();
    for (const answer of answers) {
      expect(answer.status).toBe(503);
      expect(answer.json()).toMatchObject({ type: 'urn:conexxus-sync:problem:redis-away' });
      expect(answer.text).not.toContain('10.0.0.7');
    }
  });

  it('is a 500 without the reason where we are at fault', async () => {
    ops.circuitFails(new Error('secret reason'));
    const answer = await get('/api/circuit');
    expect(answer.status).toBe(500);
    expect(answer.json()).toMatchObject({ type: 'urn:conexxus-sync:problem:internal' });
    expect(answer.text).not.toContain('secret');
  });
});

describe('without a way out of the store', () => {
  it.each([
    ['/', OPERATOR],
    ['/queues', OPERATOR],
    ['/queues', VIEWER],
    ['/queues/queue/sync', OPERATOR],
  ])('%s needs no file from elsewhere', async (path, as) => {
    const { text } = await ops.call('GET', path, { as });
    const urls = fetchedBy(text);
    expect(urls.length).toBeGreaterThan(0);
    for (const url of urls) expect(url).not.toMatch(/^(https?:)?\/\//);
    expect(text).not.toMatch(/https?:\/\//);
  });

  it('every file that the board names is here', async () => {
    for (const url of fetchedBy((await get('/queues')).text)) {
      expect([url, (await get(`/queues/${url}`)).status]).toEqual([url, 200]);
    }
  });
});
