import type { LoggedEvent } from '../events/logged-event.ts';
import type { Answer, FoundSale, JobTrace } from '../sales/sale-answer.ts';
import type { SaleTraces, Told, WantedSale } from '../sales/sale-traces.ts';
import { eventWords, shortType } from '../sync/report/event-words.ts';
import { instant } from '../sync/report/time-words.ts';
import { times } from './dead-letter-view.ts';
import { oneLine, table } from './table.ts';

/** The answer first, then how it came to that. */
export function renderSales(sales: readonly FoundSale[], traces: SaleTraces, wanted: WantedSale): string {
  const several =
    sales.length > 1 ? [`${wanted.id} is ${sales.length} sales, each of its own store or day.`, ''] : [];
  const isLogKnown = 'told' in traces.log;
  const told = sales.flatMap((sale, index) => [
    ...(index === 0 ? [] : ['']),
    ...saleLines(sale, wanted),
    ...(isLogKnown ? ['', ...historyLines(sale.history)] : []),
  ]);
  const body = sales.length === 0 ? unknownLines(wanted, traces) : [...several, ...told];
  return [...body, ...limitLines(traces)].map((line) => line.trimEnd()).join('\n');
}

function unknownLines({ id, locationId, date }: WantedSale, traces: SaleTraces): string[] {
  const where = [locationId && ` of ${locationId}`, date && ` on ${date}`].filter(Boolean).join('');
  const isCertain = untold(traces).length === 0;
  return [
    oneLine(`${id}${where}: ${isCertain ? 'nobody has heard of it' : 'not found where it was looked for'}`),
  ];
}

function saleLines({ locationId, date, answer, jobs, outbox }: FoundSale, { id }: WantedSale): string[] {
  const facts = [
    ...jobs.map((job) => ['job', job.answer === answer ? nameOf(job) : `${nameOf(job)}: ${job.answer.text}`]),
    ...outbox.map(({ line, answer: { text } }) => [
      'outbox',
      line === null ? text : `${text} (line ${line})`,
    ]),
  ];
  return [
    oneLine(`${id}, ${locationId ?? 'no store'}, ${date ?? 'no date'}: ${answer.text}`),
    ...table(facts.map((row) => row.map(oneLine))),
  ];
}

function nameOf({ id, transactions }: JobTrace): string {
  return transactions === null || transactions < 2
    ? id
    : `${id} (with ${times(transactions - 1, 'other sale')})`;
}

function historyLines(history: readonly LoggedEvent[]): string[] {
  if (history.length === 0) return ['The event log has no row of it.'];
  const rows = table(
    history.map(({ at, type, payload }) =>
      [instant(at.getTime()), shortType(type), eventWords(type, payload)].map(oneLine),
    ),
  );
  return ['What the event log knows', ...rows.flatMap((row, index) => [row, ...answerLines(history[index])])];
}

function answerLines(event: LoggedEvent | undefined): string[] {
  const answer = event?.payload['answer'];
  return typeof answer === 'string' && answer !== '' ? [`    answered: ${oneLine(answer)}`] : [];
}

/** What the answer does not know, since it was not told. */
function limitLines(traces: SaleTraces): string[] {
  const { log, queue } = traces;
  const older = 'told' in log ? log.told.older : 0;
  const unwritten = 'told' in queue && 'told' in log ? queue.told.unwritten : 0;
  const lines = [
    ...(older > 0 ? [`Left out: ${times(older, 'older row')}.`] : []),
    ...(unwritten > 0
      ? [`${times(unwritten, 'row')} of the event log wait for Postgres: the newest may be missing.`]
      : []),
    ...untold(traces).map(([store, why]) => `${store}: ${why}`),
  ];
  return lines.length === 0 ? [] : ['', ...lines.map(oneLine)];
}

function untold({ log, queue, outbox }: SaleTraces): [store: string, why: string][] {
  const stores: [string, Told<unknown>][] = [
    ['The queue', queue],
    ['The event log', log],
    ['The outbox', outbox],
  ];
  return stores.flatMap(([store, facts]) => ('untold' in facts ? [[store, facts.untold]] : []));
}

/** For scripts. Times as ISO 8601. */
export function salesRecord(sales: readonly FoundSale[], traces: SaleTraces, { id }: WantedSale): object {
  const whyNot = ({ ...facts }: Told<unknown>) => ('untold' in facts ? facts.untold : null);
  return {
    id,
    sales: sales.map(({ answer, jobs, ...sale }) => ({
      ...sale,
      answer: withTime(answer),
      jobs: jobs.map((job) => ({ ...job, answer: withTime(job.answer) })),
      outbox: sale.outbox.map(({ answer: _answer, ...line }) => line),
    })),
    notAsked: { queue: whyNot(traces.queue), eventLog: whyNot(traces.log), outbox: whyNot(traces.outbox) },
    unwrittenEvents: 'told' in traces.queue ? traces.queue.told.unwritten : null,
  };
}

function withTime({ at, ...answer }: Answer): object {
  return { ...answer, at: at === null ? null : new Date(at).toISOString() };
}
