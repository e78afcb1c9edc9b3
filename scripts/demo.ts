/**
 * `npm run demo`: a made-up chain of stores sells, two real worker processes bring the sales to Conexxus
 * (simulated), and Conexxus goes down and comes back. One more store has an outbox, and Redis is wiped. At the end the books of all sides are compared: exit
 * code 1 if they do not balance. On a terminal everything then stays up until Ctrl-C.
 */
import { once } from 'node:events';
import { constants } from 'node:os';
import { ConexxusSyncError } from '../src/base/errors.ts';
import { createLifecycle, type Lifecycle, runProcess, untilSignal } from '../src/base/lifecycle.ts';
import { createLogger } from '../src/base/logger.ts';
import { compareBooks } from './demo/books.ts';
import { showEventLog } from './demo/event-log.ts';
import { storeWithOutbox } from './demo/outbox.ts';
import { createScreen, type Screen } from './demo/screen.ts';
import { RELEASE_MS, type Stage, setStage } from './demo/stage.ts';
import { statusLine } from './demo/status-line.ts';
import { businessAsUsual, closingTime, outage, recovery } from './demo/story.ts';
import { openTills } from './demo/tills.ts';
import { startWatch } from './demo/watch.ts';

/** A signal ended the demo, before its time or when a person had seen enough. */
class InterruptedError extends ConexxusSyncError {
  readonly code = 'INTERRUPTED';
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super(`ended by ${signal}`);
    this.signal = signal;
  }
}

const asIs = (text: string) => text;
await runProcess(main, asIs);

async function main(): Promise<void> {
  const screen = createScreen(process.stdout);
  const lifecycle = createLifecycle(createLogger({ level: 'error', redact: asIs, name: 'demo' }));
  // It falls once, for the first reason; what breaks because of it is of no interest.
  const curtain = new AbortController();
  curtain.signal.addEventListener('abort', () => screen.close('Stopping everything.'));
  void untilSignal().then((signal) => curtain.abort(new InterruptedError(signal)));
  try {
    await perform(screen, lifecycle, curtain);
    if (screen.interactive) await stayUp(curtain.signal);
  } catch (error) {
    const reason: unknown = curtain.signal.aborted ? curtain.signal.reason : error;
    if (!(reason instanceof InterruptedError)) throw reason;
    process.exitCode = 128 + constants.signals[reason.signal];
  } finally {
    screen.close();
    await lifecycle.close();
  }
}

async function perform(screen: Screen, lifecycle: Lifecycle, curtain: AbortController): Promise<void> {
  const { signal } = curtain;
  screen.heading(
    'conexxus-sync: sales of a chain of stores reach their back office, Conexxus, whatever happens',
  );
  const say = (line: string) => screen.note(line, 'dim');
  screen.status([['setting up …', 'dim']]);
  const stage = await setStage({ lifecycle, signal, say, onEnded: (error) => curtain.abort(error) });

  await Promise.race([tell(stage, screen, lifecycle, curtain), fallen(signal)]);
  if (screen.interactive) screen.heading(`Everything is still up: ${stage.dashboardUrl} (Ctrl-C ends it)`);
}

async function tell(
  stage: Stage,
  screen: Screen,
  lifecycle: Lifecycle,
  curtain: AbortController,
): Promise<void> {
  const fall = (reason: unknown) => curtain.abort(reason);
  screen.startClock();
  const tills = openTills(stage.producer, fall);
  lifecycle.acquire('tills', () => tills.close(), RELEASE_MS);
  const watch = await startWatch(stage, curtain.signal, fall, (picture) =>
    screen.status(statusLine(picture, tills.accepted.length)),
  );
  lifecycle.acquire('watch', () => watch.stop(), RELEASE_MS);
  const show = { stage, screen, watch, tills };
  await businessAsUsual(show);
  await outage(show);
  await recovery(show);
  await closingTime(show);
  await showEventLog(stage, screen);
  await compareBooks(stage, screen, tills.accepted);
  // What it shows is what Redis held.
  await watch.stop();
  await storeWithOutbox(show);
}

/** Until Ctrl-C, or until something ends that should not. */
async function stayUp(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
  if (!(signal.reason instanceof InterruptedError)) throw signal.reason;
}

async function fallen(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort');
  throw signal.reason;
}
