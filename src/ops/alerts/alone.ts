import { randomUUID } from 'node:crypto';
import { instant, span } from '../../sync/report/time-words.ts';
import { looseMessage, type Message } from './messages.ts';
import type { AlertOptions } from './options.ts';
import { begun, bothAway } from './texts.ts';

/** With Redis and Postgres both away nobody knows who sends: each dashboard says so by itself, once an hour. */
export interface Alone {
  /** What is to be sent now, for as long as it was not. */
  due(away: { readonly redis: string; readonly postgres: string }, now: number): Message | null;
  /** One of them is back: what is to be sent. */
  dueAfter(now: number): Message | null;
  sent(message: Message, now: number): void;
}

interface Outage {
  readonly id: string;
  readonly since: number;
  readonly messages: number;
  readonly lastAt: number | null;
}

export function createAlone(
  { redisAwayMs, aloneEveryMs }: Pick<AlertOptions, 'redisAwayMs' | 'aloneEveryMs'>,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Alone {
  let outage: Outage | undefined;
  let last: Message | undefined;

  function prepare(
    id: string,
    phase: 'begun' | 'ended',
    text: string,
    { id: incident, since }: Outage,
  ): Message {
    // Written once: a repeat is the same.
    if (last?.id !== id) {
      const begunAt = new Date(since).toISOString();
      const data = { alert: 'redis-and-postgres', dashboard: name, begunAt, phase, incident };
      last = looseMessage(
        id,
        `conexxus.alert.${phase}`,
        namespace,
        `${text} Said by the dashboard ${name}.`,
        data,
      );
    }
    return last;
  }

  return {
    due({ redis, postgres }, now) {
      outage ??= { id: randomUUID(), since: now, messages: 0, lastAt: null };
      const { id, since, messages, lastAt } = outage;
      if (now - since < redisAwayMs || (lastAt !== null && now - lastAt < aloneEveryMs)) return null;
      const text = begun('redis', bothAway(redis, postgres), since);
      return prepare(`${id}.${messages + 1}`, 'begun', text, outage);
    },
    dueAfter(now) {
      if (outage === undefined) return null;
      const { id, since, messages } = outage;
      if (messages === 0) {
        outage = undefined;
        return null;
      }
      const text = `Redis and Postgres are not both away any more, after ${span(now - since)}, from ${instant(since)} to ${instant(now)}.`;
      return prepare(`${id}.ended`, 'ended', text, outage);
    },
    sent({ id }, now) {
      if (outage === undefined) return;
      if (id === `${outage.id}.ended`) outage = undefined;
      else outage = { ...outage, messages: outage.messages + 1, lastAt: now };
    },
  };
}
