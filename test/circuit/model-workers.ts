/**
 * The workers, without Redis: who is registered, what the calls of each came to, and who is benched. Pure:
 * every function takes the workers and gives them back changed.
 */
export interface Worker {
  /** Its line in the register; `null`: there is none. */
  readonly seen: Seen | null;
  /** Failures since its own last success. */
  readonly row: Row | null;
  /** Crashes of our own code on it, nothing else between. */
  readonly crashes: Row | null;
  /** Back from the bench, and has not delivered since. */
  readonly probation: boolean;
  /** How often its bench was renewed without a delivery between: its time doubles with each. */
  readonly level: number;
  readonly bench: Bench | null;
  /** Its own window. */
  readonly outcomes: readonly Counted[];
}

/** What the others know of it, until it says otherwise or has been silent for too long. */
interface Seen {
  readonly until: number;
  readonly as: 'taking jobs' | 'taking none' | 'benched';
}

export interface Row {
  readonly count: number;
  /** The first one's payload. */
  readonly payload: string;
  /** Another payload is among them. */
  readonly several: boolean;
}

export type BenchCause = 'failures' | 'trials' | 'misconfigured' | 'health-failed' | 'crashing';

interface Bench {
  readonly since: number;
  readonly cause: BenchCause;
  /** When its own health call is due; `null`: only a restart ends it. */
  readonly retryAt: number | null;
  readonly triedAt: number;
}

/** One outcome, at the beginning of its slice of time. */
export interface Counted {
  readonly at: number;
  readonly failed: boolean;
}

export type Workers = ReadonlyMap<string, Worker>;

/** Who gives no id: an older version. Counted, never benched. */
export const ANONYMOUS = '';
const SEEN_MS = 5_000;

const NOTHING_AGAINST_IT = { row: null, crashes: null, probation: false, level: 0, bench: null };
const STRANGER: Worker = { seen: null, outcomes: [], ...NOTHING_AGAINST_IT };

export const workerOf = (workers: Workers, id: string): Worker => workers.get(id) ?? STRANGER;

export function withWorker(workers: Workers, id: string, change: Partial<Worker>): Workers {
  return new Map(workers).set(id, { ...workerOf(workers, id), ...change });
}

function everyWorker(workers: Workers, change: (worker: Worker) => Partial<Worker>): Workers {
  return new Map([...workers].map(([id, worker]) => [id, { ...worker, ...change(worker) }]));
}

const isAlive = ({ seen }: Worker, now: number) =>
  seen !== null && seen.as === 'taking jobs' && now < seen.until;

/** Nobody but this one can bear witness. */
export const isAlone = (workers: Workers, id: string, now: number) =>
  ![...workers].some(([other, worker]) => other !== id && isAlive(worker, now));

export const isBenched = (workers: Workers, id: string) => workerOf(workers, id).bench !== null;

export const longer = (row: Row | null, payload: string): Row =>
  row
    ? { ...row, count: row.count + 1, several: row.several || row.payload !== payload }
    : { count: 1, payload, several: false };

export function seen(workers: Workers, id: string, now: number, takes: boolean): Workers {
  const as = isBenched(workers, id) ? 'benched' : takes ? 'taking jobs' : 'taking none';
  return withWorker(workers, id, { seen: { until: now + SEEN_MS, as } });
}

/** In the register as well, where it stands there. */
const knownAs = ({ seen }: Worker, as: Seen['as']) => ({ seen: seen && { ...seen, as } });

export function seated(workers: Workers, id: string, sits: Pick<Worker, 'bench' | 'level'>): Workers {
  const worker = workerOf(workers, id);
  return withWorker(workers, id, { ...sits, probation: false, ...knownAs(worker, 'benched') });
}

export function onProbation(workers: Workers, id: string): Workers {
  const worker = workerOf(workers, id);
  return withWorker(workers, id, { bench: null, probation: true, ...knownAs(worker, 'taking jobs') });
}

/** Whatever is held against anybody is over. */
export const endBenches = (workers: Workers): Workers =>
  everyWorker(workers, (worker) => ({
    ...NOTHING_AGAINST_IT,
    ...(worker.bench ? knownAs(worker, 'taking jobs') : {}),
  }));

/** What an outage voids as it begins and ends: the rows, but neither benches nor probation. */
export const forgetRows = (workers: Workers): Workers =>
  everyWorker(workers, () => ({ row: null, crashes: null }));

/** Who is gone takes all that is its own along, and so does, then, who was never there. */
export function sweep(workers: Workers, now: number): Workers {
  const isHere = ({ seen }: Worker) => seen !== null && now < seen.until;
  if (![...workers.values()].some((worker) => worker.seen && !isHere(worker))) return workers;
  return new Map([...workers].filter(([id, worker]) => id === ANONYMOUS || isHere(worker)));
}

/** The circuit's key is lost, and with it what was known of them. The register has a key of its own. */
export const onlyRegister = (workers: Workers): Workers =>
  new Map([...workers].map(([id, worker]) => [id, { ...STRANGER, seen: worker.seen }]));

export const withoutRegister = (workers: Workers): Workers => everyWorker(workers, () => ({ seen: null }));
