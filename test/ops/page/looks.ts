import { z } from 'zod';
import type { Answer } from '../harness.ts';

/** What people and scripts look at, by what it is. */
export type Looks = readonly (readonly [what: string, path: string])[];

const eventPage = z.object({
  events: z.array(z.object({ jobId: z.string() })),
  next: z.string().nullable(),
});
const letterPage = z.object({
  deadLetters: z.array(z.object({ id: z.string() })),
  groups: z.array(z.object({ key: z.string() })),
});

/** Of a dashboard in a bad night. `ask` is given a path. */
export async function looksOf(ask: (path: string) => Promise<Pick<Answer, 'json'>>): Promise<Looks> {
  const { events, next } = eventPage.parse(
    (await ask('/api/events?limit=500&type=sync.succeeded.push_sales')).json(),
  );
  const { deadLetters, groups } = letterPage.parse((await ask('/api/dead-letters?limit=1')).json());
  const [job, dead, group] = [events[0]?.jobId, deadLetters[0]?.id, groups[0]?.key];
  return [
    ['the page', '/'],
    ['the page without a stream', '/live/now'],
    ['a sale', '/sales/T-4711'],
    ['a sale by its key', `/sales/${job}`],
    ['a dead sale', `/sales/${dead}`],
    ['a store', '/stores/store-7'],
    ['a search', '/search?q=T-4711'],
    ['the actions', '/act'],
    ['a replay of a group', `/act/dead-letters/replay?group=${group}`],
    ['a discard of all', '/act/dead-letters/discard?all=true'],
    ['API: circuit', '/api/circuit'],
    ['API: workers', '/api/workers'],
    ['API: the document', '/api/openapi.json'],
    ['API: dead letters', '/api/dead-letters'],
    ['API: a thousand of them', '/api/dead-letters?limit=1000'],
    ['API: those of a store', '/api/dead-letters?location=store-7'],
    ['API: events', '/api/events'],
    ['API: 500 events further back', `/api/events?limit=500&cursor=${next}`],
    ['API: events of a type', '/api/events?type=sync.dead_lettered.push_sales'],
    ['API: … of several', '/api/events?type=sync.failed.*'],
    ['API: … of nearly all', '/api/events?type=sync.*&limit=500'],
    ['API: … of people', '/api/events?type=operator.*'],
    ['API: … of a type that is none', '/api/events?type=operator.none'],
    ['API: events of a store', '/api/events?location=store-7'],
    ['API: … and of some types', '/api/events?location=store-8&type=sync.failed.*'],
    ['API: … of a store that is none', '/api/events?location=none'],
    ['API: events of a job', `/api/events?job=${job}`],
    ['API: … of the circuit', '/api/events?job=circuit'],
    ['API: events of some hours', '/api/events?since=9h&until=7h&type=sync.failed.*'],
  ];
}
