import type { Place } from '../../events/browse.ts';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const TIME_MAX = 40;

/** A place in the log as a text that goes into a URL as it is: the time as Postgres writes it, and the id. */
export function cursorOf({ time, id }: Place): string {
  return Buffer.from(`${id} ${time}`).toString('base64url');
}

/** Undefined: it is none. The time is for Postgres to read. */
export function placeOf(cursor: string): Place | undefined {
  const [id = '', ...rest] = Buffer.from(cursor, 'base64url').toString().split(' ');
  const time = rest.join(' ');
  const isPlace = UUID.test(id) && /^\d[\x20-\x7e]*$/.test(time) && time.length <= TIME_MAX;
  return isPlace ? { time, id } : undefined;
}
