import { instant, span } from '../../sync/report/time-words.ts';

/** A time of day, which a page tells in the zone of who reads it. */
interface Moment {
  /** ms since 1970. */
  readonly at: number;
}

/** A text with times in it. */
export type Words = readonly (string | Moment)[];

/** In UTC. */
export function plain(words: Words): string {
  return words.map((word) => (typeof word === 'string' ? word : instant(word.at))).join('');
}

/** `a; b; c.` */
export function sentence(clauses: readonly Words[]): Words {
  return [...clauses.flatMap((clause, index) => (index === 0 ? clause : ['; ', ...clause])), '.'];
}

/** `1,204` */
export function number(value: number): string {
  return value.toLocaleString('en-US');
}

/** `1 sale`, `1,204 sales` */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : many}`;
}

/** How long ago that was; clocks that differ make no negative time. */
export function since(at: number, now: number): string {
  return span(Math.max(0, now - at));
}

/** `in 40 s`, or `now` where it is due. */
export function until(at: number, now: number): string {
  return at - now < 500 ? 'now' : `in ${span(at - now)}`;
}

/** `4.2`, `42`: a rate that people compare and nobody adds up. */
export function rate(perSecond: number): string {
  const size = Math.abs(perSecond);
  if (size >= 10) return number(Math.round(perSecond));
  const text = perSecond.toFixed(1);
  return text === '-0.0' ? '0.0' : text;
}

/** A text of others, with no name in it that is too long to read. */
export function shortIds(text: string): string {
  return text.replaceAll(/ps-[0-9a-f]{64}/g, shortId);
}

/** For whom the name is too long to read: the beginning, all of it is where the link leads. */
export function shortId(id: string): string {
  return /^ps-[0-9a-f]{64}$/.test(id) ? `${id.slice(0, 11)}…` : id;
}
