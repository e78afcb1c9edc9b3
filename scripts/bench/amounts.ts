/**
 * How much of each benchmark is run unless more or less is asked for: the default, and what it is of. All of it
 * together takes about half an hour.
 */
export const AMOUNTS = {
  jobs: [4_000, 'throughput: payloads per round and process, besides those that warm it up'],
  answerMs: [0, 'throughput: how long the back office takes for an answer, on average'],
  turns: [5, 'throughput, enqueue, rows, drain: rounds of each side, by turns'],
  singles: [300, 'latency: sales of each side, by turns'],
  adds: [4_000, 'enqueue: payloads of each way and round'],
  events: [20_000, 'rows: events per round'],
  kept: [10_000, 'bytes: jobs that wait, jobs that are finished, events'],
  waiting: [6_000, 'drain: jobs that an outage leaves'],
  rounds: [200, 'circuit: rounds of calls of each kind, by turns'],
  openings: [50, 'opening: how often the circuit opens'],
  healings: [20, 'healing: how many outages end'],
  backlog: [20_000, 'outage, page: jobs waiting'],
  seconds: [20, 'outage: how long it is watched'],
  commits: [10_000, 'outbox-commit: transactions of each kind'],
  backlogSales: [5_000, 'outbox-backlog: single sales that wait'],
  sales: [200_000, 'books: settled sales in the outbox'],
  posts: [1_000, 'intake: posts a second'],
  postSeconds: [15, 'intake: for so long'],
  rows: [200_000, 'page: rows of the event log'],
} as const satisfies Record<string, readonly [number, string]>;

export const LISTS = {
  processes: [[1, 4], 'throughput: worker processes'],
  concurrency: [[10, 50, 200], 'throughput: calls in flight of each'],
} as const satisfies Record<string, readonly [readonly number[], string]>;

type Amount = keyof typeof AMOUNTS;
type List = keyof typeof LISTS;

export type Amounts = Readonly<Record<Amount, number> & Record<List, readonly number[]>>;
