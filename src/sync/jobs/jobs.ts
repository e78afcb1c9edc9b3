import type { z } from 'zod';
import { fetchInventory, locationIdOf, pushSales, salesProblems, transactionIdsOf } from './payload.ts';
import { JSON_BYTES_MAX, jsonProblems, TOO_LARGE } from './plain-json.ts';
import { formatPath, type PathSegment, type Problem } from './problems.ts';
import type { PushSales } from './push-sales.ts';
import { canonicalJson, syncKeyOf } from './sync-key.ts';

/** How one kind of sync job is checked and known again. */
interface JobKind {
  readonly schema: z.ZodType;
  /** Rules beyond the shape. Given data of any shape. */
  readonly problems: (data: unknown) => Problem[];
  /** The sales in it. Given data of any shape. */
  readonly transactionIds: (data: unknown) => readonly string[];
  /** The key under which the same content is known again; none where each job stands for itself. */
  readonly syncKey: (canonical: string) => string | undefined;
}

/** The catalog: every job name there is, and its rules. */
const catalog = {
  push_sales: {
    schema: pushSales,
    problems: salesProblems,
    transactionIds: transactionIdsOf,
    syncKey: syncKeyOf,
  },
  fetch_inventory: {
    schema: fetchInventory,
    problems: () => [],
    transactionIds: () => [],
    syncKey: () => undefined,
  },
} satisfies Record<string, JobKind>;

export type JobName = keyof typeof catalog;

export const JOB_NAMES = Object.keys(catalog).filter(isJobName);

/** A job whose data keeps the rules. */
export interface SyncJob {
  readonly name: JobName;
  /** The very object that was given, unknown members included. */
  readonly data: unknown;
  /** The same, written once: this is enqueued, sent, and quoted in rows. */
  readonly json: string;
  readonly locationId: string;
  readonly transactionIds: readonly string[];
  /** `ps-…` for `push_sales`: default job id and `Idempotency-Key`. */
  readonly syncKey: string | undefined;
}

export type ParsedJob =
  | { readonly ok: true; readonly job: SyncJob }
  | {
      readonly ok: false;
      /** At most 50. */
      readonly problems: readonly Problem[];
      /** How many were found beyond those. */
      readonly more: number;
      /** As far as they can be read, for the log of what was refused. */
      readonly locationId: string | undefined;
      readonly transactionIds: readonly string[];
    };

const PROBLEMS_LISTED = 50;

/**
 * Checks a job by its name, and finds all problems at once. `known`: those that its JSON text had and that can
 * no longer be seen in the data (see exact-numbers.ts).
 */
export function parseJob(name: string, data: unknown, known: readonly Problem[] = []): ParsedJob {
  if (!isJobName(name)) return refused(data, transactionIdsOf(data), [unknownName(name)]);
  const kind: JobKind = catalog[name];
  const transactionIds = kind.transactionIds(data);
  const problems = problemsOf(kind, data, known);
  if (problems.length > 0) return refused(data, transactionIds, problems);
  const canonical = canonicalJson(data);
  if (Buffer.byteLength(canonical) > JSON_BYTES_MAX) return refused(data, transactionIds, [TOO_LARGE]);
  const locationId = locationIdOf(data) ?? '';
  const json = JSON.stringify(data);
  const syncKey = kind.syncKey(canonical);
  return { ok: true, job: { name, data, json, locationId, transactionIds, syncKey } };
}

/**
 * The sales where nothing is wrong with them: what `parseJob` would say of `push_sales`, in less time, save that they may
 * be too large. Unknown members included; `undefined`: `parseJob` says why.
 */
export function readSales(data: unknown, known: readonly Problem[] = []): PushSales | undefined {
  if (known.length > 0 || jsonProblems(data).length > 0 || salesProblems(data).length > 0) return undefined;
  return pushSales.safeParse(data).data;
}

function isJobName(name: string): name is JobName {
  return Object.hasOwn(catalog, name);
}

function unknownName(name: string): Problem {
  const shown = JSON.stringify(name.slice(0, 100));
  return { path: '', message: `${shown} is no job name: there are ${JOB_NAMES.join(', ')}` };
}

/** One problem a path: what JSON can't carry has the wrong shape too. */
function problemsOf(kind: JobKind, data: unknown, known: readonly Problem[]): Problem[] {
  const unfit = jsonProblems(data);
  // Looking on could take for ever: shared references make small things endless.
  if (unfit.includes(TOO_LARGE)) return unfit;
  const found = [...known, ...unfit, ...shapeProblems(kind.schema, data), ...kind.problems(data)];
  if (found.length === 0) return found;
  const paths = new Set<string>();
  return found.filter(({ path }) => !paths.has(path) && paths.add(path));
}

function shapeProblems(schema: z.ZodType, data: unknown): Problem[] {
  const issues = schema.safeParse(data).error?.issues ?? [];
  return issues.map(({ path, message }) => ({ path: formatPath(path.filter(isSegment)), message }));
}

function isSegment(segment: PropertyKey): segment is PathSegment {
  return typeof segment !== 'symbol';
}

function refused(data: unknown, transactionIds: readonly string[], problems: Problem[]): ParsedJob {
  return {
    ok: false,
    problems: problems.slice(0, PROBLEMS_LISTED),
    more: Math.max(0, problems.length - PROBLEMS_LISTED),
    locationId: locationIdOf(data),
    transactionIds,
  };
}
