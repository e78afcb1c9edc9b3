import { html } from 'hono/html';
import type { Minute } from '../../../events/minutes.ts';
import { number } from '../words.ts';
import type { Html } from './html.ts';

const [WIDTH, HEIGHT] = [600, 96];
const MINUTE_MS = 60_000;

/** Delivered and failed calls of each minute, stacked. */
export function outcomesChart(minutes: readonly Minute[]): Html {
  const most = Math.max(1, ...minutes.map(({ delivered, failed }) => delivered + failed));
  const last = minutes.at(-2) ?? minutes.at(-1);
  const sum = (of: 'delivered' | 'failed') => minutes.reduce((all, minute) => all + minute[of], 0);
  const label = `In this hour ${number(sum('delivered'))} delivered and ${number(sum('failed'))} failed; at most ${number(most)} a minute`;
  return figure({
    title: 'Calls a minute',
    label,
    most: `top line: ${number(most)} a minute`,
    caption: html`<span class="key good">delivered ${number(last?.delivered ?? 0)}</span> <span class="key bad">failed ${number(last?.failed ?? 0)}</span> <span class="soft">in the last whole minute</span>`,
    drawing: html`${minutes.map((minute, place) => bars(minute, placeOf(place, minutes.length), most))}`,
  });
}

function bars({ delivered, failed }: Minute, [x, width]: readonly [number, number], most: number): Html {
  const tall = (count: number) => (count / most) * (HEIGHT - 4);
  const bar = (kind: string, count: number, above: number) =>
    count === 0
      ? ''
      : html`<rect class="${kind}" x="${x}" y="${round(HEIGHT - above - tall(count))}" width="${width}" height="${round(Math.max(1, tall(count)))}"/>`;
  return html`${bar('good', delivered, 0)}${bar('bad', failed, tall(delivered))}`;
}

/** How long calls took: the middle one, and that which 95 of 100 were faster than. */
export function latencyChart(minutes: readonly Minute[]): Html {
  const most = Math.max(1, ...minutes.map(({ slowMs }) => slowMs ?? 0));
  const last = minutes.findLast(({ medianMs }) => medianMs !== null);
  const label =
    last === undefined
      ? 'No call in this hour'
      : `Half of the last calls took less than ${duration(last.medianMs)}, 95 of 100 less than ${duration(last.slowMs)}; at most ${duration(most)}`;
  return figure({
    title: 'Latency of calls',
    label,
    most: last === undefined ? '' : `top line: ${duration(most)}`,
    caption: html`<span class="key main">half within ${duration(last?.medianMs ?? null)}</span> <span class="key soft">95 % within ${duration(last?.slowMs ?? null)}</span>`,
    drawing: html`${line('soft', minutes, ({ slowMs }) => slowMs, most)}${line('main', minutes, ({ medianMs }) => medianMs, most)}`,
  });
}

/** Broken where there was no call. */
function line(
  kind: string,
  minutes: readonly Minute[],
  valueOf: (minute: Minute) => number | null,
  most: number,
): Html {
  let path = '';
  let isDrawing = false;
  for (const [place, minute] of minutes.entries()) {
    const value = valueOf(minute);
    const [x, width] = placeOf(place, minutes.length);
    if (value !== null) {
      const y = round(HEIGHT - 2 - (value / most) * (HEIGHT - 6));
      path += `${isDrawing ? 'L' : 'M'}${round(x)} ${y}h${width}`;
    }
    isDrawing = value !== null;
  }
  return html`<path class="${kind}" d="${path}"/>`;
}

interface Figure {
  readonly title: string;
  readonly label: string;
  readonly most: string;
  readonly caption: Html;
  readonly drawing: Html;
}

function figure({ title, label, most, caption, drawing }: Figure): Html {
  return html`<figure><figcaption><strong>${title}</strong> ${caption}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${label}"><path class="grid" d="M0 ${HEIGHT - 0.5}H${WIDTH}M0 2.5H${WIDTH}"/>${drawing}</svg>
<div class="axis"><span>1 h ago</span><span>${most}</span><span>now</span></div></figure>`;
}

function placeOf(place: number, count: number): readonly [x: number, width: number] {
  const step = WIDTH / Math.max(1, count);
  return [round(place * step + step * 0.1), round(step * 0.8)];
}

/** When it was down, of the time from `from` to `to`. */
export function downtimeChart(
  outages: readonly { readonly from: number; readonly until: number | null }[],
  from: number,
  to: number,
): Html {
  const at = (time: number) => ((Math.min(Math.max(time, from), to) - from) / (to - from)) * WIDTH;
  const seen = outages.filter(({ until }) => (until ?? to) > from);
  const downMs = seen.reduce((sum, one) => sum + ((one.until ?? to) - Math.max(one.from, from)), 0);
  const label = `Down ${seen.length === 1 ? 'once' : `${seen.length} times`} in the last 24 hours, ${number(Math.round(downMs / MINUTE_MS))} min in all`;
  return html`<svg class="downtime" viewBox="0 0 ${WIDTH} 20" preserveAspectRatio="none" role="img" aria-label="${label}"><rect class="good" x="0" y="0" width="${WIDTH}" height="20"/>${seen.map(
    (one) =>
      html`<rect class="bad" x="${round(at(one.from))}" y="0" width="${round(Math.max(2, at(one.until ?? to) - at(one.from)))}" height="20"/>`,
  )}</svg>
<div class="axis"><span>24 h ago</span><span>now</span></div>`;
}

/** `12 ms`, `4.2 s` */
export function duration(ms: number | null): string {
  if (ms === null) return '–';
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
