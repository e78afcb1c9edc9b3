import type { Seen } from '../reader.ts';
import { sentence, since, type Words } from '../words.ts';
import { withAlerts } from './by-alerts.ts';
import { type Condition, fleetIn, onTheirWay, type Tone, toSendIn } from './condition.ts';
import { benched, circuit, crew, personsWord, redisAway, suspect } from './of-the-fleet.ts';
import { deadLetters, lateness, logFull, outbox, postgresAway, setApart } from './of-what-waits.ts';

/** How things are. */
export interface Standing {
  /** What it is about, for scripts and styles. */
  readonly kind: string;
  readonly tone: Tone;
  /** One sentence. */
  readonly words: Words;
  /** What else there is to know, each with where it is shown. */
  readonly notes: readonly Note[];
}

interface Note {
  readonly words: Words;
  readonly href: string;
}

/** What the page says first: the worst that is so, and what follows from it; the rest as notes. */
export function standingOf(seen: Seen): Standing {
  const [worst, ...others] = withAlerts(conditionsOf(seen), seen);
  if (worst === undefined) return well(seen);
  const rest: Words[] = worst.isMild && others.length === 0 ? [['all else is well']] : [];
  return {
    kind: worst.kind,
    tone: worst.tone,
    words: sentence([...worst.clauses, ...rest]),
    notes: others.map(({ clauses: [words], href }) => ({ words, href })),
  };
}

/** The worst first. */
function conditionsOf(seen: Seen): Condition[] {
  return [
    ...redisAway(seen),
    ...personsWord(seen),
    ...circuit(seen),
    ...logFull(seen),
    ...crew(seen),
    ...lateness(seen),
    ...outbox(seen),
    ...suspect(seen),
    ...benched(seen),
    ...postgresAway(seen),
    ...deadLetters(seen),
    ...setApart(seen),
  ];
}

function well(seen: Seen): Standing {
  const fleet = fleetIn(seen);
  const count = toSendIn(seen);
  const last = fleet?.report.lastSuccess ?? null;
  const good = (kind: string, ...words: string[]): Standing => ({ kind, tone: 'good', words, notes: [] });
  if (fleet === null)
    return { kind: 'unknown', tone: 'careful', words: ['Looking: nothing is known yet.'], notes: [] };
  if (last === null && !count) return good('empty', 'All is well, and empty: no sale has come yet.');
  const delivered = last === null ? '' : `; the last sale was delivered ${since(last.at, seen.now)} ago`;
  if (!count) return good('well', `All is well: nothing waits${delivered}.`);
  return good('well', `All is well: ${onTheirWay(seen)}${delivered}.`);
}
