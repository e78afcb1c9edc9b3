import { callsOf, pausedAfterMs } from './calls.ts';
import { STORE_COUNT } from './chain.ts';
import type { Screen } from './screen.ts';
import type { Stage } from './stage.ts';
import type { Tills } from './tills.ts';
import type { Transition, Watch } from './watch.ts';

/** What every act of the demo plays with. All numbers that it tells are measured. */
export interface Show {
  readonly stage: Stage;
  readonly screen: Screen;
  readonly watch: Watch;
  readonly tills: Tills;
}

const USUAL_MS = 4_000;
/** From the failed health call until the API is well again. */
const STILL_DOWN_MS = 1_500;

export async function businessAsUsual({ screen, watch, tills }: Show): Promise<void> {
  screen.heading('Business as usual');
  screen.say(`${STORE_COUNT} stores sell. Each sale goes into the queue; two workers bring it to Conexxus.`);
  await watch.pause(USUAL_MS);
  const { delivered } = watch.latest();
  screen.say(`${tills.accepted.length} sales are accepted, ${delivered} of them delivered by now.`);
}

export async function outage(show: Show): Promise<void> {
  const { stage, screen, watch, tills } = show;
  screen.heading('Conexxus goes down');
  const downAt = Date.now();
  await stage.simulator.setMode(503);
  screen.say('It answers every call with 503 from now on. The stores go on selling.', downAt);

  const opened = await watch.transition('open', downAt);
  const soldBefore = tills.accepted.length;
  await watch.until('for the calls under way to end', ({ active }) => active === 0 || undefined);
  const quietAt = Date.now();
  await tellOpening(show, downAt, opened);

  const reopened = await watch.transition('open', opened.at);
  const { health } = await callsOf(stage, opened.at, reopened.at);
  screen.say(
    `A health call asks whether it is over: ${statuses(health)}. The circuit stays open, ` +
      `for ${openFor(reopened)} this time instead of ${openFor(opened)}.`,
    reopened.at,
  );

  await watch.pause(STILL_DOWN_MS);
  const { pushes } = await callsOf(stage, quietAt, Date.now());
  screen.say(
    `${count(tills.accepted.length - soldBefore, 'more sale')} came in, ${watch.latest().waiting} wait. ` +
      `Calls with a sale since the queue is paused: ${pushes.length}.`,
  );
}

async function tellOpening({ stage, screen }: Show, downAt: number, opened: Transition): Promise<void> {
  const { failed } = await callsOf(stage, downAt, Date.now());
  screen.say(`The circuit opens, for both workers, after ${count(failed.length, 'failed call')}.`, opened.at);
  const pausedMs = await pausedAfterMs(stage, opened.at);
  if (pausedMs === undefined) return;
  screen.say(`The queue is paused, ${pausedMs} ms later.`, opened.at + pausedMs);
}

export async function recovery(show: Show): Promise<void> {
  const { stage, screen, watch } = show;
  screen.heading('Conexxus is back');
  const backAt = Date.now();
  await stage.simulator.setMode('ok');
  screen.say('It answers again. The circuit will notice when it is due for its next look.', backAt);

  const closed = await watch.transition('closed', backAt);
  const backlog = await watch.until('to see it closed', ({ circuit, waiting }) =>
    circuit.state === 'closed' ? waiting : undefined,
  );
  const { health, pushes } = await callsOf(stage, backAt, closed.at);
  const lookedAt = health[0]?.receivedAt ?? closed.at;
  screen.say(`The circuit is half-open: a health call is answered with ${statuses(health)}.`, lookedAt);
  screen.say(
    `${count(pushes.length, 'sale')} went ahead as a trial: ${statuses(pushes)}. ` +
      'The circuit closes, and the queue runs again.',
    closed.at,
  );
  await drain(show, closed, backlog);
}

/** The backlog is let go in steps. */
async function drain({ screen, watch }: Show, closed: Transition, backlog: number): Promise<void> {
  const limits = new Set<number>();
  await watch.until('for the backlog to drain', ({ concurrency, waiting }) => {
    if (concurrency !== null) limits.add(concurrency);
    return waiting === 0 || undefined;
  });
  const now = Date.now();
  screen.say(
    `The backlog of ${backlog} is gone, ${seconds(now - closed.at)} after the circuit closed. ` +
      `Calls allowed at a time: ${[...limits].join(', ')}.`,
    now,
  );
}

export async function closingTime({ screen, watch, tills }: Show): Promise<void> {
  screen.heading('Closing time');
  await tills.close();
  screen.say('The stores close.');
  const delivered = await watch.until('for everything to come to rest', (picture) =>
    picture.waiting + picture.active + picture.eventBacklog === 0 ? picture.delivered : undefined,
  );
  screen.say(`Nothing is under way any more: ${delivered} of ${tills.accepted.length} sales are delivered.`);
}

function count(n: number, thing: string): string {
  return `${n} ${thing}${n === 1 ? '' : 's'}`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

function openFor({ at, retryAt }: Transition): string {
  return retryAt === null ? 'no known time' : seconds(retryAt - at);
}

function statuses(calls: readonly { readonly status: number | null }[]): string {
  return calls.map(({ status }) => status ?? 'no answer').join(', ');
}
