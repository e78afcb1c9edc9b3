import { randomUUID } from 'node:crypto';
import { errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { within } from '../../base/shared.ts';
import type { DeadLetterFilter, DeadLetters, Verdict } from '../../sync/dead-letters/dead-letters.ts';
import { operatorEvent, type Word } from '../../sync/dead-letters/operator-event.ts';
import { countsRecord, type Deed, emptyTally, type VerdictTally } from '../../sync/dead-letters/records.ts';
import type { AuditLog } from '../operator.ts';

/** What a person set going. */
interface Asked {
  readonly deed: Deed;
  readonly filter: DeadLetterFilter;
  readonly word: Word;
  /** How many they were when the person looked. */
  readonly counted: number;
  readonly perSecond: number | undefined;
}

/** `failed`: in the middle, as when Redis went away; `dashboard`: it ended, and the run with it. */
type Ending = 'done' | 'stopped' | 'failed' | 'dashboard';

/** A deed on many dead letters, as it goes. It lives in this process alone. */
export interface Run extends Asked {
  readonly id: string;
  readonly startedAt: number;
  readonly tally: Readonly<VerdictTally>;
  /** The first of those that were not done. */
  readonly undone: readonly Verdict[];
  readonly ended: { readonly how: Ending; readonly at: number } | undefined;
}

export interface Runs {
  begin(asked: Asked): Run;
  find(id: string): Run | undefined;
  /** The newest first. */
  list(): readonly Run[];
  /** What is under way is finished, and no more is begun. */
  stop(id: string): void;
  /** Resolves once it has ended, or after so long. */
  settled(id: string, maxMs: number): Promise<void>;
  /** Stops all, and resolves once they have. */
  close(): Promise<void>;
}

interface Going {
  readonly stopping: AbortController;
  readonly end: Promise<void>;
}

type Live = { -readonly [Name in keyof Run]: Run[Name] } & {
  tally: VerdictTally;
  undone: Verdict[];
  how: Ending;
};

const KEPT = 50;
const UNDONE_KEPT = 100;

export interface RunsDeps {
  readonly deadLetters: Pick<DeadLetters, Deed>;
  readonly audit: AuditLog;
  readonly logger: Logger;
}

export function createRuns(deps: RunsDeps): Runs {
  const runs = new Map<string, Live>();
  const going = new Map<string, Going>();
  let isClosing = false;

  async function go(run: Live, stop: AbortSignal): Promise<void> {
    await pass(run, stop, deps);
    if (run.how === 'done' && stop.aborted) run.how = isClosing ? 'dashboard' : 'stopped';
    run.ended = { how: run.how, at: Date.now() };
    await tellEnd(run, deps);
    going.delete(run.id);
  }

  return {
    begin(asked) {
      const run = newRun(asked);
      forgetOldest(runs);
      runs.set(run.id, run);
      const stopping = new AbortController();
      going.set(run.id, { stopping, end: go(run, stopping.signal) });
      return run;
    },
    find: (id) => runs.get(id),
    list: () => [...runs.values()].toReversed(),
    stop: (id) => going.get(id)?.stopping.abort(),
    settled: (id, maxMs) => within(maxMs, going.get(id)?.end ?? Promise.resolve(), undefined),
    async close() {
      isClosing = true;
      for (const { stopping } of going.values()) stopping.abort();
      await Promise.all([...going.values()].map(({ end }) => end));
    },
  };
}

function newRun(asked: Asked): Live {
  const [id, startedAt, tally] = [randomUUID(), Date.now(), emptyTally()];
  return { ...asked, id, startedAt, tally, undone: [], how: 'done', ended: undefined };
}

async function pass(run: Live, stop: AbortSignal, { deadLetters, logger }: RunsDeps): Promise<void> {
  const { deed, filter, word, perSecond } = run;
  try {
    for await (const verdict of deadLetters[deed](filter, word, { perSecond, stop })) note(run, verdict);
  } catch (error) {
    run.how = 'failed';
    logger.error({ err: error, run: run.id }, 'a run failed');
  }
}

/** That it began is in the audit trail before; how far it came is beside it, and Redis may be away by now. */
async function tellEnd({ deed, word, tally, id, how }: Live, { audit, logger }: RunsDeps): Promise<void> {
  const counts = countsRecord(deed, tally);
  const { actor, reason } = word;
  logger.info({ actor, deed, run: id, ended: how, counts }, 'a run has ended');
  try {
    await audit.append(operatorEvent(actor, `${deed}.ended`, 'queue', { reason, ended: how, counts }));
  } catch (error) {
    logger.warn({ run: id, reason: errorMessage(error) }, 'the end of a run is not in the audit trail');
  }
}

function note(run: Live, verdict: Verdict): void {
  run.tally[verdict.kind] += 1;
  if (verdict.kind !== 'done' && run.undone.length < UNDONE_KEPT) run.undone.push(verdict);
}

/** One that goes on is never forgotten. */
function forgetOldest(runs: Map<string, Live>): void {
  for (const [id, { ended }] of runs) {
    if (runs.size < KEPT) return;
    if (ended !== undefined) runs.delete(id);
  }
}
