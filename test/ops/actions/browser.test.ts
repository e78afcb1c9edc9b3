import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Browser, chromium, type Page } from 'playwright-core';
import { openShelf, type Shelf } from '../../sync/shelf.ts';
import { OPERATOR, type OpsHarness, startOps } from '../harness.ts';

const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-sync'];

const found = existsSync(CHROMIUM);
const title = found ? 'in a browser without script' : `in a browser (skipped: no ${CHROMIUM})`;

(found ? describe : describe.skip)(title, () => {
  let shelf: Shelf;
  let ops: OpsHarness;
  let browser: Browser;

  beforeAll(async () => {
    shelf = openShelf();
    ops = await startOps({ namespace: shelf.namespace, realCircuit: true });
    await shelf.died({ id: 'a' }, { id: 'b' }, { id: 'c', reason: 'crashed: boom' });
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await ops?.close();
    shelf?.close();
  });

  async function actions(): Promise<Page> {
    const context = await browser.newContext({
      httpCredentials: { username: OPERATOR.user, password: OPERATOR.password },
      javaScriptEnabled: false,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    await page.goto(`http://127.0.0.1:${ops.port}/act`);
    return page;
  }

  it('a circuit is held with a reason, by keyboard, and released', async () => {
    const page = await actions();
    await page.getByRole('link', { name: 'hold' }).click();
    await page.getByLabel(/^Until/).fill('30m');
    await page.getByLabel(/^Reason/).fill('stocktaking');
    await page.keyboard.press('Enter');
    await page.getByText('olga stopped all calls: stocktaking').waitFor();

    await page.getByRole('link', { name: 'Actions' }).click();
    await page.getByRole('link', { name: 'release', exact: true }).click();
    const release = page.getByRole('button', { name: 'Release' });
    // The browser itself asks for the reason.
    await release.click();
    expect(await page.getByLabel(/^Reason/).evaluate((field) => field.matches(':invalid'))).toBe(true);
    await page.getByLabel(/^Reason/).fill('done counting');
    await release.click();
    await page.getByText('Calls to Conexxus go through.').waitFor();
  });

  it('a group of dead letters is looked at and replayed', async () => {
    const page = await actions();
    await page
      .getByRole('row', { name: /rejected: 422/ })
      .getByRole('link', { name: 'Replay' })
      .click();
    await page.getByText('2 dead letters').first().waitFor();
    await page.getByLabel(/^Reason/).fill('item created');
    await page.getByRole('button', { name: 'Replay' }).click();
    await page.getByText('2 dead letters replayed').waitFor();
    expect((await shelf.waiting()).sort()).toEqual(['a', 'b']);
  });
});
