import { afterEach, describe, expect, it } from '@jest/globals';
import type { Picture } from '../../../src/ops/page/html/overview.ts';
import { createLive, type Live, type LiveOptions } from '../../../src/ops/page/live.ts';
import { eventually } from '../../support/eventually.ts';

let live: Live;
afterEach(() => live.close());

const picture = (content: string, size = 0): Picture => ({
  title: 'a page',
  kind: 'well',
  sections: { circuit: content, backlog: 'x'.repeat(size) },
});

/** Counts how often it was looked, and shows that. */
function start(options: Partial<LiveOptions> = {}, size = 0) {
  const looks = { count: 0 };
  live = createLive({
    look: async () => {
      looks.count += 1;
      return picture(`look ${looks.count}`, size);
    },
    ...options,
  });
  return looks;
}

function follow(browser = '', cut: () => void = () => undefined): ReadableStream<Uint8Array> | null {
  return live.follow({ role: 'viewer', browser, cut });
}

function followed(browser?: string): ReadableStreamDefaultReader<Uint8Array> {
  const stream = follow(browser);
  if (stream === null) throw new Error('refused');
  return stream.getReader();
}

async function next(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read();
  return new TextDecoder().decode(value);
}

describe('the stream of a page', () => {
  it('begins with all there is, and goes on with what is new', async () => {
    start();
    const reader = followed();
    expect(await next(reader)).toBe('retry: 2000\n\n');
    expect(JSON.parse((await next(reader)).slice(6)).sections).toEqual({ circuit: 'look 1', backlog: '' });
    await next(reader);
    expect(JSON.parse((await next(reader)).slice(6)).sections).toEqual({ circuit: 'look 3' });
  });

  it('looks once a second however many follow, and not at all once the last has left', async () => {
    const looks = start();
    const readers = Array.from({ length: 500 }, () => followed());
    const begun = performance.now();
    await Promise.all(readers.map(async (reader) => Promise.all([next(reader), next(reader), next(reader)])));
    const ticks = looks.count - readers.length;
    expect(ticks).toBeLessThanOrEqual(Math.ceil((performance.now() - begun) / 1_000));
    await Promise.all(readers.map((reader) => reader.cancel()));
    expect(live.size()).toBe(0);
    const last = looks.count;
    const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    await new Promise((resolve) => {
      setTimeout(resolve, 1_200);
    });
    expect(looks.count).toBe(last);
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length).toBeLessThanOrEqual(
      timers,
    );
  });

  it('cuts off one that never reads, and no other', async () => {
    start({ unreadMaxBytes: 10_000 }, 8_000);
    const cut: string[] = [];
    follow('', () => cut.push('who never reads'));
    const reader = followed();
    for (let reads = 0; reads < 3; reads += 1) await next(reader);
    await eventually(() => expect(cut).toEqual(['who never reads']));
    expect(live.size()).toBe(1);
  });

  it('of one browser two tabs follow: the others ask now and then', () => {
    start();
    expect(['one', 'one', 'one', 'two', '', '', ''].map((browser) => follow(browser) !== null)).toEqual([
      true,
      true,
      false,
      true,
      true,
      true,
      true,
    ]);
  });

  it('refuses more than it can serve', () => {
    start({ followersMax: 2 });
    expect([follow(), follow(), follow()].map((stream) => stream !== null)).toEqual([true, true, false]);
  });

  it('ends after a while, so that who is gone without a word does not stay', async () => {
    start({ longestMs: 500 });
    const reader = followed();
    for (let reads = 0; reads < 2; reads += 1) await next(reader);
    expect((await reader.read()).done).toBe(true);
    expect(live.size()).toBe(0);
  });

  it('ends with the dashboard', async () => {
    start();
    const reader = followed();
    await next(reader);
    live.close();
    expect(follow()).toBeNull();
    await eventually(async () => expect((await reader.read()).done).toBe(true));
  });
});
