import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchChromium, MISSING, seriousFindings } from '../ops/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { basic, OPERATOR, type PageStand, startPageStand, VIEWER } from '../support/page/stand.ts';
import { sales } from '../support/page/states.ts';

const REFUSED = {
  kind: 'status',
  status: 422,
  body: { success: false, error: 'unknown item 73050' },
} as const;
const PATIENCE_MS = 60_000;

const title = MISSING === null ? 'a night at the page' : `a night at the page (skipped: ${MISSING})`;
(MISSING === null ? describe : describe.skip)(title, () => {
  let stand: PageStand;
  let browser: Browser;
  beforeAll(async () => {
    // Long enough for a person to act in it.
    stand = await startPageStand({ CIRCUIT_OPEN: '15000', CIRCUIT_OPEN_MAX: '15000' });
    await Promise.all(['till-1', 'till-2'].map((name) => stand.startWorker({ WORKER_NAME: name })));
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await stand?.close();
  });

  async function open(login: typeof OPERATOR): Promise<Page> {
    const page = await (await browser.newContext({ httpCredentials: login })).newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(stand.url);
    return page;
  }

  const says = (page: Page, words: string | RegExp) =>
    page.getByRole('heading', { level: 1 }).filter({ hasText: words }).waitFor();

  /** By the keyboard alone: on with Tab to what has that text or is so labelled. */
  async function tabTo(page: Page, words: string): Promise<void> {
    for (let step = 0; step < 60; step += 1) {
      await page.keyboard.press('Tab');
      const found = await page.evaluate(
        "(document.activeElement.labels?.[0] ?? document.activeElement)?.textContent ?? ''",
      );
      if (String(found).startsWith(words)) return;
    }
    throw new Error(`no Tab leads to "${words}"`);
  }

  const isFit = async (page: Page) => expect(await seriousFindings(page)).toEqual([]);

  it('an outage is seen, held, released and over, and what died of it is replayed', async () => {
    await stand.sell(sales(5));
    await stand.untilIdle();
    const page = await open(OPERATOR);
    await says(page, 'All is well');

    await stand.simulator.setMode('down');
    await stand.sell(sales(12));
    await says(page, /^Conexxus has been down for .*; 12 sales wait, none is lost; next look/);
    await isFit(page);

    await tabTo(page, 'Hold all calls');
    await page.keyboard.press('Enter');
    await says(page, 'Hold the circuit');
    await isFit(page);
    await tabTo(page, 'Until');
    await page.keyboard.type('30m');
    await tabTo(page, 'Reason');
    await page.keyboard.type('Conexxus migrates');
    await page.keyboard.press('Enter');
    await says(page, 'Hold the circuit: done');
    await tabTo(page, 'Overview');
    await page.keyboard.press('Enter');
    await says(page, /^olga holds all calls until .*: Conexxus migrates; 12 sales wait, none is lost\.$/);
    await isFit(page);

    await stand.simulator.setFaults([{ match: { locationId: 'store-107' }, fault: REFUSED }]);
    await stand.sell(sales(3, { locationId: 'store-107' }));
    await stand.simulator.setMode('ok');
    await tabTo(page, 'Release');
    await page.keyboard.press('Enter');
    await says(page, 'Release the circuit');
    await tabTo(page, 'Reason');
    await page.keyboard.type('they are done');
    await page.keyboard.press('Enter');
    await says(page, 'Release the circuit: done');
    await page.goto(stand.url);
    await says(page, /^\d dead letters wait for a person; all else is well\.$/);
    await isFit(page);

    await stand.simulator.setFaults([]);
    const count = await stand.queue.getFailedCount();
    await page.getByRole('link', { name: /^Replay… those of group/ }).click();
    await says(page, 'Replay dead letters');
    await page.getByText(`${count} dead letters`).first().waitFor();
    await isFit(page);
    await page.getByLabel(/^Reason/).fill('the item was created');
    await page.getByRole('button', { name: 'Replay' }).click();
    await page.getByText(`${count} dead letters replayed of ${count}`).waitFor();
    await isFit(page);
    await page.goto(stand.url);
    await says(page, 'All is well: nothing waits');
    expect(await stand.queue.getFailedCount()).toBe(0);
    const done = page.locator('#acts');
    for (const words of ['Conexxus migrates', 'they are done', 'the item was created']) {
      await done.getByText(words).first().waitFor();
    }
    await page.context().close();
  }, 300_000);

  it('a sale is found by its id, with what Conexxus answered each time', async () => {
    await stand.simulator.setFaults([
      { match: { transactionId: 'T-WALK', times: 1 }, fault: { ...REFUSED, status: 503 } },
    ]);
    await stand.sell(sales(1, { id: 'T-WALK' }));
    await stand.untilLogged();
    const page = await open(VIEWER);
    await page.getByRole('searchbox').fill('T-WALK');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/sales\/T-WALK$/);
    await eventually(async () => {
      await page.reload();
      const words = await page.getByRole('heading', { level: 1 }).textContent();
      expect(words).toMatch(/^T-WALK was delivered at /);
    }, PATIENCE_MS);
    const answers = page.locator('.life li', { hasText: 'Conexxus answered' });
    expect(await answers.allTextContents()).toEqual([
      expect.stringMatching(/failed transient, attempt 1, HTTP 503.*unknown item 73050/),
      expect.stringMatching(/succeeded delivered, attempt 2, HTTP 200.*success/),
    ]);
    await isFit(page);
    await page.context().close();
  });

  it('a viewer is offered nothing, and what he sends is refused', async () => {
    await stand.act('hold', 'to be looked at');
    const page = await open(VIEWER);
    await says(page, 'olga holds all calls');
    expect(await page.locator('a[href^="/act"], button:not(form[role=search] button)').count()).toBe(0);
    await page.context().close();
    for (const [path, type, body] of [
      ['/api/circuit/release', 'application/json', '{"reason":"by vera"}'],
      ['/act/circuit/release', 'application/x-www-form-urlencoded', 'reason=by+vera'],
    ] as const) {
      const headers = { authorization: basic(VIEWER), 'content-type': type };
      const answer = await fetch(`${stand.url}${path}`, { method: 'POST', headers, body });
      expect([path, answer.status, answer.headers.get('content-type')]).toEqual([
        path,
        403,
        expect.stringMatching(/^application\/problem\+json/),
      ]);
      expect(await answer.json()).toMatchObject({ status: 403, title: 'Viewers cannot change anything' });
    }
    expect((await stand.redis.hget(`{${stand.namespace}}:circuit`, 'hold'))?.length).toBeGreaterThan(0);
  });
});
