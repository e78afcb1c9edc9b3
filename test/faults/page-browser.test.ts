import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchChromium, MISSING, seriousFindings } from '../ops/chromium.ts';
import { CLOSED, type OpsHarness, startOps } from '../ops/harness.ts';
import { aWorker, KEY } from '../ops/page/seen.ts';

const HERE = { host: '127.0.0.1' };
const DOWN = { ...CLOSED, state: 'open', cause: 'streak', retryAt: Date.now() + 600_000 } as const;
const BENCH = { since: Date.now(), cause: 'failures', retryAt: Date.now() + 60_000 };
const SUSPECT = { payload: KEY, jobId: KEY, since: Date.now() };
const HOLD = { actor: 'olga', reason: 'stocktaking', since: Date.now(), until: Date.now() + 3_600_000 };

const title = MISSING === null ? 'the page in a browser' : `the page in a browser (skipped: ${MISSING})`;
(MISSING === null ? describe : describe.skip)(title, () => {
  let ops: OpsHarness;
  let browser: Browser;
  beforeAll(async () => {
    ops = await startOps({ access: HERE });
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await ops?.close();
  });

  const url = () => `http://127.0.0.1:${ops.port}/`;
  const says = (page: Page, words: string | RegExp) =>
    page.getByRole('heading', { level: 1 }).filter({ hasText: words }).waitFor();

  it('[90] all of ten tabs of one browser turn', async () => {
    ops.workersAre([aWorker('till-1')]);
    ops.circuitIs(CLOSED);
    const context = await browser.newContext();
    const tabs: Page[] = [];
    for (let tab = 0; tab < 10; tab += 1) {
      const page = await context.newPage();
      await page.goto(url());
      await page.locator('#live:is([data-state=on], [data-state=poll])').waitFor();
      tabs.push(page);
    }
    expect(ops.page.followers()).toBe(2);
    ops.circuitIs(DOWN);
    await Promise.all(tabs.map((page) => says(page, 'Conexxus has been down')));
    await context.close();
  });

  const states: readonly [string, RegExp, () => Promise<void> | void][] = [
    ['open', /has been down/, () => ops.circuitIs(DOWN)],
    ['held', /olga holds all calls until \d\d:/, () => ops.circuitIs({ ...CLOSED, hold: HOLD })],
    [
      'recovering',
      /is recovering/,
      () => ops.circuitIs({ ...DOWN, state: 'half-open', phase: 'trials', retryAt: null }),
    ],
    ['a suspect', /may be due to a single sale/, () => ops.circuitIs({ ...DOWN, suspect: SUSPECT })],
    [
      'a worker benched',
      /till-2 is benched/,
      () => {
        ops.circuitIs(CLOSED);
        ops.workersAre([aWorker('till-1'), aWorker('till-2', { benched: BENCH })]);
      },
    ],
    [
      'Redis away',
      /Redis has not answered/,
      async () => {
        const ended = once(ops.redis, 'end');
        ops.redis.disconnect();
        await ended;
      },
    ],
    ['Redis back', /till-2 is benched/, () => ops.redis.connect()],
  ];

  it('turns by itself through a whole night, fit for everybody, on a phone and on a desk, in light and dark', async () => {
    ops.circuitIs(CLOSED);
    ops.workersAre([aWorker('till-1')]);
    const looks = [
      { width: 390, scheme: 'light' },
      { width: 390, scheme: 'dark' },
      { width: 1280, scheme: 'dark' },
    ] as const;
    const pages = await Promise.all(
      looks.map(async ({ width, scheme }) => {
        const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme });
        const page = await context.newPage();
        await page.goto(url());
        return page;
      }),
    );
    for (const [state, words, turn] of states) {
      await turn();
      for (const page of pages) {
        await says(page, words);
        expect([state, await seriousFindings(page)]).toEqual([state, []]);
        const overflows = await page.evaluate('document.documentElement.scrollWidth > innerWidth');
        expect([state, overflows]).toEqual([state, false]);
      }
    }
    await Promise.all(pages.map((page) => page.context().close()));
  });

  it('keeps the focus on what it was on while sections are replaced, and is left by the keyboard', async () => {
    ops.workersAre([aWorker('till-1')]);
    ops.circuitIs({ ...CLOSED, hold: HOLD });
    const page = await (await browser.newContext()).newPage();
    await page.goto(url());
    await page.locator('#live[data-state=on]').waitFor();
    await says(page, 'stocktaking');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('To the content');
    await page.getByRole('link', { name: /^Postgres has not answered/ }).focus();
    ops.circuitIs({ ...CLOSED, hold: { ...HOLD, reason: 'still counting' } });
    await says(page, 'still counting');
    expect(await page.evaluate('document.activeElement.getAttribute("href")')).toBe('#outcomes');
    // The note becomes the sentence.
    ops.circuitIs(CLOSED);
    await says(page, 'Postgres has not answered');
    expect(await page.evaluate('document.activeElement.id')).toBe('live-standing');
    await page.context().close();
  });
});
