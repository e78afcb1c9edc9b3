import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

interface Asset {
  /** Changes with what is in it. */
  readonly url: string;
  readonly type: string;
  readonly text: string;
}

export const ASSETS_PATH = '/assets/';
const TYPES = { css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8' } as const;

export const STYLE = asset('page.css', TYPES.css);
export const SCRIPT = asset('page.js', TYPES.js);

function asset(name: string, type: string): Asset {
  const text = readFileSync(new URL(`assets/${name}`, import.meta.url), 'utf8');
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 12);
  return { url: `${ASSETS_PATH}${hash}/${name}`, type, text };
}
