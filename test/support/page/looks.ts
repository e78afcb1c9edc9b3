import type { Browser, Page } from 'playwright-core';
import { OPERATOR, type PageStand } from './stand.ts';
import type { PageState } from './states.ts';

/** A phone and a desk, by day and by night. */
export const LOOKS = [
  { width: 390, colorScheme: 'light' },
  { width: 390, colorScheme: 'dark' },
  { width: 1280, colorScheme: 'light' },
  { width: 1280, colorScheme: 'dark' },
] as const;

export type Look = (typeof LOOKS)[number];

const PATIENCE_MS = 60_000;

/** The page of a state, once it shows it; its context is the caller's to close. */
export async function openState(browser: Browser, stand: PageStand, state: PageState): Promise<Page> {
  const path = (await state.path?.(stand)) ?? '/';
  const context = await browser.newContext({ httpCredentials: OPERATOR, timezoneId: 'America/Chicago' });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(`${stand.url}${path}`);
  if (state.says === null) await page.getByText('push_sales').first().waitFor();
  else await page.getByRole('heading', { level: 1 }).filter({ hasText: state.says }).waitFor();
  if (state.reloads) {
    await page.evaluate("document.querySelector('meta[http-equiv=refresh]').remove(); stop()");
  }
  return page;
}

export async function lookAs(page: Page, { width, colorScheme }: Look): Promise<void> {
  await page.setViewportSize({ width, height: 900 });
  await page.emulateMedia({ colorScheme });
}
