import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CLOSED, OPERATOR, type OpsHarness, startOps, VIEWER } from '../harness.ts';
import { aWorker, KEY } from './seen.ts';

let ops: OpsHarness;
beforeEach(async () => {
  ops = await startOps();
});
afterEach(() => ops.close());

const get = (path: string) => ops.call('GET', path, { as: OPERATOR });

/** The text of the page's only heading of the first order. */
function sentenceOf(html: string): string {
  return /<h1>(.*?)<\/h1>/s.exec(html)?.[1] ?? '';
}

async function bury(id: string, reason: string): Promise<void> {
  const data = JSON.stringify({ locationId: 'store-7', transactions: [{ id: 'T-1' }] });
  await ops.redis.hset(ops.queue.toKey(id), {
    name: 'push_sales',
    data,
    failedReason: reason,
    finishedOn: 5,
  });
  await ops.redis.zadd(ops.queue.toKey('failed'), 5, id);
}

describe('the page', () => {
  it('says first how things are, and then why, since when and until when', async () => {
    const now = Date.now();
    await ops.queue.add('push_sales', { locationId: 'store-7' }, { jobId: 'sale-1' });
    await ops.pauseAsCircuit();
    ops.workersAre([aWorker('till-1', { version: '9.8.7', busy: 4 })]);
    ops.circuitIs({
      ...CLOSED,
      state: 'open',
      cause: 'trial-failed',
      retryAt: now + 600_000,
      outage: { since: now - 720_000, cause: 'streak', openings: 2 },
      lastFailure: {
        at: now,
        worker: 'till-1',
        jobId: KEY,
        code: 'http_503',
        message: 'HTTP 503: back soon',
      },
    });
    const { text, status } = await get('/');
    expect(status).toBe(200);
    expect(sentenceOf(text)).toBe(
      'Conexxus has been down for 12 min; 1 sale waits, it is not lost; next look in 10 min.',
    );
    expect(text).toContain('HTTP 503: back soon');
    expect(text).toContain('several calls in a row failed');
    expect(text).toContain('till-1 <span class="soft">9.8.7</span>');
    expect(text).toContain('4 of 10');
    expect(text).toContain('href="/stores/store-7"');
    expect(text).toContain('href="/queues"');
  });

  it('says what alerts find silent in their words, and escapes them', async () => {
    ops.problemsAre([{ kind: 'no-worker', problem: 'No worker is alive: <none> is there.' }]);
    const { text } = await get('/');
    expect(sentenceOf(text)).toBe('No worker is alive: &lt;none&gt; is there; nothing waits.');
    ops.problemsAre([]);
    await second();
    expect((await get('/')).text).not.toContain('No worker is alive');
  });

  it('leads an operator to the forms, and a viewer to none', async () => {
    await bury('d', 'http_404: no such store');
    const links = (text: string) => [...text.matchAll(/class="act" href="([^"]+)"/g)].map(([, href]) => href);
    const found = links((await get('/')).text);
    expect(found).toEqual(['/act', expect.stringMatching(/^\/act\/dead-letters\/replay\?group=/)]);
    for (const href of found) expect([href, (await get(href ?? '')).status]).toEqual([href, 200]);
    expect(links((await ops.call('GET', '/', { as: VIEWER })).text)).toEqual([]);
    const hold = { actor: 'olga', reason: 'stocktaking', since: 1 };
    ops.circuitIs({ ...CLOSED, hold });
    await second();
    expect(links((await get('/')).text)[0]).toBe('/act/circuit/release');
    expect((await ops.call('GET', '/', { as: VIEWER })).text).not.toContain('/act');
  });

  it('groups the dead letters by what they died of', async () => {
    for (const id of ['a', 'b', 'c'])
      await bury(id, `refused: HTTP 422: sale ${id.length} of 4711 is negative`);
    await bury('d', 'http_404: no such store');
    const { text } = await get('/');
    expect(text).toContain('<strong>4 dead letters</strong>');
    expect(text).toMatch(/>3<\/strong> <q>refused: HTTP 422.*>1<\/strong> <q>http_404/s);
  });

  it('escapes what people and Conexxus wrote', async () => {
    ops.circuitIs({ ...CLOSED, hold: { actor: 'olga', reason: '<script>alert(1)</script>', since: 1 } });
    await bury('d', '<img src=x onerror=alert(1)>');
    const { text } = await get('/');
    expect(text).toContain('&lt;script&gt;alert(1)');
    expect(text).not.toContain('<script>');
    expect(text).not.toContain('<img');
  });

  it('is whole without script: it is loaded again by itself, and tells times in UTC', async () => {
    ops.circuitIs({ ...CLOSED, since: Date.UTC(2026, 10, 28, 22, 41, 3) });
    const { text } = await get('/');
    expect(text).toContain('<noscript><meta http-equiv="refresh" content="10"></noscript>');
    expect(text).toContain('<time datetime="2026-11-28T22:41:03.000Z">2026-11-28 22:41:03 UTC</time>');
  });

  it('shows what was known while Redis is away, and comes back by itself', async () => {
    ops.workersAre([aWorker('till-1')]);
    await get('/');
    const ended = once(ops.redis, 'end');
    ops.redis.disconnect();
    await ended;
    await second();
    const { text, status } = await get('/');
    await ops.redis.connect();
    expect(status).toBe(200);
    expect(sentenceOf(text)).toMatch(/^Redis has not answered for .*; below is what was so at <time/);
    expect(text).toContain('till-1');
    await second();
    expect(sentenceOf((await get('/')).text)).toMatch(/^Postgres has not answered/);
  });

  it('names no host of what is away', async () => {
    const { text } = await get('/');
    expect(text).toContain('Not known: Postgres does not answer (ECONNREFUSED).');
    expect(text).not.toContain('10.0.0.8');
  });

  it('has the same for who asks now and then', async () => {
    const answer = (await get('/live/now')).json();
    expect(answer).toMatchObject({ kind: 'no-worker', title: 'No worker · conexxus-sync' });
    expect(Object.keys(Object(answer['sections']))).toContain('dead-letters');
  });

  it('its files are here, and kept by the browser until they are others', async () => {
    const { text } = await get('/');
    const urls = [...text.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, url]) => url ?? '');
    expect(urls).toHaveLength(2);
    for (const url of urls) {
      const { status, headers } = await get(url);
      expect([url, status, headers['cache-control']]).toEqual([url, 200, 'private, max-age=3600']);
    }
  });

  it('is for viewers too', async () => {
    const { text } = await ops.call('GET', '/', { as: VIEWER });
    expect(text).toContain('vera (viewer)');
  });
});

/** A look is shared for so long. */
function second(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 1_050);
  });
}
