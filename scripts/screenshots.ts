/**
 * `npm run screenshots`: pictures of the dashboard for the README, into `scripts/screenshots`, of an installation of
 * real processes that is brought into one state after the other. `-- --all <folder>`: of all states, on a phone and
 * on a desk, in light and dark, into that folder, to be looked at.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Browser } from 'playwright-core';
import { launchChromium, MISSING } from '../test/ops/chromium.ts';
import setUp from '../test/support/global-setup.ts';
import tearDown from '../test/support/global-teardown.ts';
import { LOOKS, type Look, lookAs, openState } from '../test/support/page/looks.ts';
import { type PageStand, startPageStand } from '../test/support/page/stand.ts';
import { type PageState, pageStates } from '../test/support/page/states.ts';

/** Those of the README: what of a page is seen without scrolling. */
const SHOWN: Readonly<Record<string, readonly Look[]>> = {
  held: [LOOKS[1]],
  open: [LOOKS[2], LOOKS[0]],
};
const FOLDER = fileURLToPath(new URL('screenshots', import.meta.url));
const BACKLOG = 100_000;

const { values } = parseArgs({ options: { all: { type: 'string' } } });
const folder = values.all ?? FOLDER;

async function main(): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await setUp();
  const stand = await startPageStand();
  const browser = await launchChromium();
  try {
    for (const state of wanted(pageStates({ backlog: BACKLOG }))) {
      await state.make?.(stand);
      await shoot(browser, stand, state);
      await state.undo?.(stand);
      console.log(state.name);
    }
  } finally {
    await browser.close();
    await stand.close();
    await tearDown();
  }
}

/** Up to the last that is shown: each begins where the one before it ended. */
function wanted(states: readonly PageState[]): readonly PageState[] {
  if (values.all !== undefined) return states;
  return states.slice(0, states.findLastIndex(({ name }) => Object.hasOwn(SHOWN, name)) + 1);
}

async function shoot(browser: Browser, stand: PageStand, state: PageState): Promise<void> {
  const looks = values.all === undefined ? (SHOWN[state.name] ?? []) : LOOKS;
  if (looks.length === 0) return;
  const page = await openState(browser, stand, state);
  for (const look of looks) {
    await lookAs(page, look);
    const name = `${state.name.replaceAll(/\W+/g, '-').toLowerCase()}-${look.width}-${look.colorScheme}.png`;
    await page.screenshot({ path: join(folder, name), fullPage: values.all !== undefined });
  }
  await page.context().close();
}

if (MISSING === null) {
  await main();
} else {
  console.error(`No browser to make pictures with: ${MISSING}`);
  process.exitCode = 1;
}
