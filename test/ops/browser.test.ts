import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchChromium, MISSING, seriousFindings } from './chromium.ts';
import { CLOSED, OPERATOR, type OpsHarness, startOps, VIEWER } from './harness.ts';

const title = MISSING === null ? 'in a browser' : `in a browser (skipped: ${MISSING})`;

(MISSING === null ? describe : describe.skip)(title, () => {
  let ops: OpsHarness;
  let browser: Browser;
  beforeAll(async () => {
    ops = await startOps();
    await ops.queue.add('push_sales', { locationId: 'store-7' }, { jobId: 'ps-1', delay: 3_600_000 });
    browser = await launchChromium();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await ops?.close();
  });

  /** Opens a page; what it fetches from elsewhere and complains about is collected. */
  async function open(path: string, { user, password }: typeof OPERATOR) {
    const origin = `http://127.0.0.1:${ops.port}`;
    const context = await browser.newContext({ httpCredentials: { username: user, password } });
    const page: Page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const outside: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(`${origin}/`) && !url.startsWith('data:')) outside.push(url);
    });
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`${origin}${path}`);
    return { page, outside, complaints };
  }

  it('the board renders with nothing from elsewhere, and leads to a job', async () => {
    const { page, outside, complaints } = await open('/queues', OPERATOR);
    await page.getByRole('link', { name: 'sync', exact: true }).first().click();
    await page.getByText('ps-1').first().waitFor();
    await page.reload();
    await page.getByText('ps-1').first().waitFor();
    expect(outside).toEqual([]);
    expect(complaints).toEqual([]);
  }, 60_000);

  it('the operator sees the buttons that work, and no other', async () => {
    const { page } = await open('/queues/queue/sync?status=delayed', OPERATOR);
    await page.getByText('Promote all').waitFor();
    expect(await page.getByText('Clean all').isVisible()).toBe(false);
    await page.locator('button[aria-haspopup=menu]').last().click();
    await page.getByRole('menuitem', { name: 'Pause' }).waitFor();
    for (const name of ['Add job', 'Set concurrency', 'Set rate limit', 'Empty', 'Obliterate']) {
      expect([name, await page.getByText(name, { exact: true }).isVisible()]).toEqual([name, false]);
    }
  }, 60_000);

  it('a refusal is shown with its reason', async () => {
    await ops.pauseAsCircuit();
    ops.circuitIs({ ...CLOSED, state: 'open', cause: 'streak' });
    const { page } = await open('/queues/queue/sync', OPERATOR);
    await page.getByText('ps-1').first().waitFor();
    await page.locator('button[aria-haspopup=menu]').last().click();
    await page.getByRole('menuitem', { name: 'Resume' }).click();
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByText('The circuit paused this queue').waitFor();
    expect(await page.getByText('several calls in a row failed').isVisible()).toBe(true);
  }, 60_000);

  it('the viewer sees no button', async () => {
    const { page } = await open('/queues/queue/sync?status=delayed', VIEWER);
    await page.getByText('ps-1').first().waitFor();
    expect(await page.getByText('Promote all').count()).toBe(0);
  }, 60_000);

  it('the page turns with the circuit by itself, tells times as here, and is fit for everybody', async () => {
    ops.circuitIs(CLOSED);
    const { page, outside, complaints } = await open('/', VIEWER);
    const heading = page.getByRole('heading', { level: 1 });
    await page.locator('#live[data-state=on]').waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    ops.circuitIs({ ...CLOSED, state: 'open', cause: 'streak', retryAt: Date.now() + 600_000 });
    await heading.filter({ hasText: 'Conexxus has been down' }).waitFor();
    const time = page.locator('#circuit time').first();
    const at = new Date((await time.getAttribute('datetime')) ?? '');
    // A minute and a half ago; in the first minutes of a day that was yesterday.
    expect(await time.textContent()).toMatch(
      at.toDateString() === new Date().toDateString()
        ? /^\d\d:\d\d:\d\d [+-]\d\d:\d\d$/
        : /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d$/,
    );
    expect(await seriousFindings(page)).toEqual([]);
    expect(outside).toEqual([]);
    expect(complaints).toEqual([]);
  }, 60_000);

  it('a search leads to the sale', async () => {
    const { page } = await open('/', VIEWER);
    await page.getByRole('searchbox').fill('ps-1');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: /^ps-1 waits/ }).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
  }, 60_000);
});
