import { type Happening, type Happenings, hear } from './happenings.ts';
import type { Logger } from './logger.ts';
import { createSeldom } from './seldom.ts';

type Level = 'info' | 'warn' | 'error' | 'fatal';

/** Its text, and what of the message stands in the line where that is not all; null: no line this time. */
interface Line<Message> {
  readonly level: Level;
  readonly text: string;
  readonly fields?: (message: Message) => object | null;
  /** Told at each try, many times a second for as long as something is away. */
  readonly repeats?: true;
}

type Lines<Names extends Happening> = { readonly [Name in Names]: Line<Happenings[Name]> | null };

/** How often the log says what `repeats`. */
const REPEATED_EVERY_MS = 30_000;

/** A lasting failure is told again at each so many tries, about every half minute. */
const LOG_EVERY = 15;

/** What the log says of each; null: nothing. */
const LINES: Lines<Happening> = {
  'attempt-made': info('attempt recorded'),
  'payload-suspected': warn('suspect: it may be this sale and not Conexxus'),
  'dead-lettered': warn('dead-lettered'),
  'job-stalled': warn('its worker died or froze: the job runs again'),
  'redis-connection-failed': { ...warn('Redis connection'), repeats: true },
  'redis-refused': { ...warn('Redis refused; asking again'), repeats: true },
  'job-waits': null,
  'job-ended': null,
  'jobs-asked-for': null,
  'queue-failed': { ...error('queue error'), repeats: true },
  'consumer-failed': error('could not pause or resume'),
  'consumer-ended': fatal('the worker stopped pulling jobs'),
  'finished-jobs-released': info('finished jobs let go: more than COMPLETED_MAX'),
  'finished-jobs-made-room': warn('Redis is nearly full: the oldest finished jobs made room for sales'),
  'finished-jobs-unseen': warn('finished jobs could not be looked at'),

  'gate-followed': null,
  'circuit-moved': info('circuit moved'),
  'queue-paused': info('queue paused'),
  'queue-resumed': info('queue resumed'),
  'gate-failed': { ...error('the gate could not follow the circuit'), repeats: true },
  'worker-benched': warn('benched: this worker seems ill, and takes no jobs'),
  'worker-returned': info('back from the bench'),
  'health-call-made': info('health call made'),
  'clock-differs': warn("this machine's clock differs from Redis's: delayed jobs run at the wrong time"),
  'workers-differ': warn('the workers are configured differently'),
  'workers-not-compared': warn('could not compare workers'),

  'rows-written': null,
  'rows-not-written': {
    level: 'error',
    text: 'event log cannot write; will try again',
    fields: ({ reason, failures }) => (failures % LOG_EVERY === 1 ? { reason } : null),
  },
  'rows-written-again': info('event log writes again'),
  'event-set-apart': error('event set apart: it can never be a row'),
  'events-left-in-redis': warn('event log stops with events waiting in Redis'),
  'old-events-deleted': info('old events deleted'),
  'old-events-not-deleted': warn('old events could not be deleted; next try in an hour'),

  'jobs-posted': info('jobs taken in'),
  'request-answered': null,
  'request-refused': warn('request refused'),
  'request-failed': error('request failed: a fault of ours'),
  'tokens-read': info('tokens read'),
  'tokens-not-read': {
    level: 'warn',
    text: 'Postgres does not tell the tokens: those known stay in force; will try again',
    fields: ({ reason, failures }) => (failures % LOG_EVERY === 1 ? { reason } : null),
  },
  'way-unknown': {
    level: 'warn',
    text: 'Postgres does not tell whether there is an outbox; will try again',
    fields: ({ reason, failures }) => (failures % LOG_EVERY === 1 ? { reason } : null),
  },

  'items-stored': null,
  'catalog-stored': info('catalog stored'),
  'catalog-too-small': error(
    'Conexxus gave a catalog that lacks more than half of what is there: nothing is marked as missing',
  ),

  'relay-works': info('the relay works'),
  'relay-held': error('nothing is sent until a person releases it: outbox release --held'),
  'relay-waits': { ...warn('the relay waits'), repeats: true },
  'relay-begins-anew': warn('the relay begins anew'),
  'relay-ended': fatal('the relay has ended'),
  'event-log-away': { ...warn('the event log does not answer'), repeats: true },
  'fates-unknown': { ...warn('the event log does not answer: fates are learned later'), repeats: true },
  'outbox-not-counted': { ...warn('could not tell what is in the outbox'), repeats: true },
  'rows-taken': null,
  'row-set-apart': warn('set apart: it can not be sent'),
  'payload-settled': null,
  'payload-split': info('split'),
  'payload-enqueued-again': warn('in neither queue nor event log: enqueued again, under its key'),
  'payload-not-moved': { ...error('could not go on with a payload'), repeats: true },
};

/** Has the logger write what happens in this process, until the function that it gives is called. */
export function logHappenings(logger: Logger): () => void {
  const names = Object.keys(LINES).filter(isHappening);
  const ends = names.map((name) => write(name, LINES, logger));
  return () => {
    for (const end of ends) end();
  };
}

function write<Name extends Happening>(name: Name, lines: Lines<Name>, logger: Logger): () => void {
  const line: Line<Happenings[Name]> | null = lines[name];
  if (line === null) return () => undefined;
  const { level, text, fields = (message) => message, repeats } = line;
  const seldom = repeats ? createSeldom(REPEATED_EVERY_MS) : () => 0;
  return hear(name, (message) => {
    const told = fields(message);
    const withheld = told === null ? null : seldom(JSON.stringify(told));
    if (withheld !== null) logger[level](withheld > 0 ? { ...told, withheld } : { ...told }, text);
  });
}

function isHappening(name: string): name is Happening {
  return Object.hasOwn(LINES, name);
}

function info(text: string) {
  return { level: 'info', text } as const;
}

function warn(text: string) {
  return { level: 'warn', text } as const;
}

function error(text: string) {
  return { level: 'error', text } as const;
}

function fatal(text: string) {
  return { level: 'fatal', text } as const;
}
