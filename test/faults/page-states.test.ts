import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { launchChromium, MISSING, seriousFindings } from '../ops/chromium.ts';
import { LOOKS, lookAs, openState } from '../support/page/looks.ts';
import { type PageStand, startPageStand } from '../support/page/stand.ts';
import { pageStates } from '../support/page/states.ts';

/** Enough for a queue that takes minutes to drain. */
const BACKLOG = 3_000;

const title = MISSING === null ? 'the pages in each state' : `the pages in each state (skipped: ${MISSING})`;
(MISSING === null ? describe : describe.skip)(title, () => {
  let stand: PageStand;
  let browser: Browser;
  beforeAll(async () => {
    stand = await startPageStand();
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await stand?.close();
  });

  it.each(pageStates({ backlog: BACKLOG }).map((state) => [state.name, state] as const))(
    '%s: is told first, and fit for everybody, on a phone and on a desk, in light and dark',
    async (_, state) => {
      await state.make?.(stand);
      const page = await openState(browser, stand, state);
      for (const look of LOOKS) {
        await lookAs(page, look);
        const width = await page.evaluate('document.documentElement.scrollWidth');
        // Bull Board is not ours.
        const findings = state.says === null ? [] : await seriousFindings(page);
        expect({ look, width, findings }).toEqual({ look, width: look.width, findings: [] });
      }
      await page.context().close();
      await state.undo?.(stand);
    },
    180_000,
  );
});
