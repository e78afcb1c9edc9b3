import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { loadConfig, secretsOf } from '../base/config/config.ts';
import { untilSignal } from '../base/lifecycle.ts';
import { pause } from '../base/pause.ts';
import { createRedactor } from '../base/redaction.ts';
import { connectRedis } from '../base/redis.ts';
import { readPauser } from '../sync/gate/pauser.ts';
import { openQueue } from '../sync/queue.ts';
import { createFleet } from '../sync/report/fleet.ts';
import { createDepthReader } from '../sync/report/queue-depth.ts';
import { instant } from '../sync/report/time-words.ts';
import { onlookerOptionsOf } from '../sync/settings.ts';
import { write } from './output.ts';
import { isBug, reasonOf } from './reason.ts';
import { createScreen } from './screen.ts';
import { oneLine } from './table.ts';
import { type Away, logLine, newsOf, screenLines, type WatchView } from './watch-view.ts';

const LOOK_EVERY_MS = 1_000;
const CONNECT_MS = 1_200;

/** Where a watcher tells what it sees. */
interface Show {
  seen(view: WatchView): Promise<void>;
  away(reason: string): Promise<void>;
  end(): void;
}

/** Until Ctrl-C, through outages of Redis. */
export async function watchCircuit(): Promise<void> {
  const { redisUrl, namespace, circuit, events } = loadConfig('circuit');
  const stopping = new AbortController();
  const told = untilSignal().then(() => stopping.abort());
  let lastError: Error | undefined;
  const redis = connectRedis(redisUrl, 'fail-fast', (error) => {
    lastError = error;
  });
  redis.on('ready', () => {
    lastError = undefined;
  });
  const options = onlookerOptionsOf(circuit, events.backlogMax);
  const look = createLook(redis, namespace, options);
  const show = isLive() ? onScreen() : inLog();
  const run = async () => {
    await once(redis, 'ready', { signal: AbortSignal.timeout(CONNECT_MS) }).catch(() => undefined);
    while (!stopping.signal.aborted) {
      const next = pause(LOOK_EVERY_MS, stopping.signal);
      try {
        await show.seen(await look());
      } catch (error) {
        if (isBug(error)) throw error;
        await show.away(reasonOf(lastError ?? error));
      }
      await next;
    }
  };
  try {
    // A look under way may wait for a silent Redis.
    await Promise.race([run(), told]);
  } finally {
    show.end();
    redis.disconnect();
  }
}

/** Seven commands, however much there is. */
function createLook(redis: Redis, namespace: string, ownOptions: ReturnType<typeof onlookerOptionsOf>) {
  const fleet = createFleet({ redis, namespace, ownOptions });
  const readDepth = createDepthReader(redis, namespace);
  const queue = openQueue(redis, namespace);
  let before: Pick<WatchView, 'report' | 'now'> | undefined;
  return async (): Promise<WatchView> => {
    const [view, pauser, depth] = await Promise.all([fleet.look(), readPauser(redis, queue), readDepth()]);
    const { waiting, delayed, active, failed } = depth;
    const rates = before === undefined ? null : ratesOf(before, view);
    before = view;
    return { ...view, pauser, counts: { waiting, delayed, active, failed }, depth, rates };
  };
}

type Look = Pick<WatchView, 'report' | 'now'>;

function ratesOf(before: Look, { report, now }: Look): WatchView['rates'] {
  const [old, fresh] = [before.report.totals, report.totals];
  const seconds = (now - before.now) / 1_000;
  // A circuit that was made anew counts from the beginning.
  if (seconds <= 0 || fresh.calls < old.calls) return null;
  return {
    delivered: (fresh.successes - old.successes) / seconds,
    failed: (fresh.failures - old.failures) / seconds,
  };
}

function isLive(): boolean {
  return process.stdout.isTTY && process.env['TERM'] !== 'dumb';
}

function onScreen(): Show {
  const redact = createRedactor(secretsOf());
  const screen = createScreen(process.stdout);
  const color = !process.env['NO_COLOR'];
  let last: WatchView | undefined;
  let away: Away | undefined;
  const draw = () => {
    const { columns } = process.stdout;
    screen.draw(screenLines(last, away, { columns, color }).map(redact));
  };
  process.stdout.on('resize', draw);
  return {
    async seen(view) {
      last = view;
      away = undefined;
      draw();
    },
    async away(reason) {
      away = { since: away?.since ?? Date.now(), reason };
      draw();
    },
    end() {
      process.stdout.off('resize', draw);
      screen.end();
    },
  };
}

function inLog(): Show {
  const redact = createRedactor(secretsOf());
  let news: string | undefined;
  let isAway = false;
  return {
    async seen(view) {
      const fresh = newsOf(view);
      if (fresh === news && !isAway) return;
      news = fresh;
      isAway = false;
      await write(`${redact(logLine(view))}\n`);
    },
    async away(reason) {
      if (isAway) return;
      isAway = true;
      const words = oneLine(`Redis does not answer: trying again (${reason})`);
      await write(`${redact(`${instant(Date.now())}  ${words}`)}\n`);
    },
    end: () => undefined,
  };
}
