import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { tell } from '../base/happenings.ts';
import { changedNumberProblem } from '../sync/jobs/exact-numbers.ts';
import { type JobName, parseJob, type SyncJob } from '../sync/jobs/jobs.ts';
import { filledLines, type Piece } from '../sync/jobs/json-lines.ts';
import { type JsonText, readJson } from '../sync/jobs/json-text.ts';
import type { Problem as PayloadProblem } from '../sync/jobs/problems.ts';
import type { TokenBearer } from '../tokens/tokens.ts';
import { BodyRefusal, chunksOf, wholeBody } from './body.ts';
import type { BatchLine } from './contract.ts';
import {
  invalid,
  otherStore,
  otherStoreWords,
  type Refusal,
  refusalOf,
  tooManyLines,
  unreadable,
  unreadBody,
  wrongType,
} from './refusals.ts';
import type { Room } from './room.ts';
import type { Way } from './way.ts';

export interface IntakeEnv {
  Bindings: HttpBindings;
  Variables: { bearer: TokenBearer; way: Way };
}

/** Thrown to be answered. */
export class Refused extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.title);
    this.refusal = refusal;
  }
}

export const JSON_TYPES = ['application/json'];
export const LINES_TYPES = ['application/x-ndjson', 'application/jsonl'];
/** A payload's own limit, with some room for white space. */
export const BODY_BYTES_MAX = 12 * 1024 * 1024;
export const BATCH_BYTES_MAX = 32 * 1024 * 1024;
export const BATCH_LINES_MAX = 10_000;
/** Lines that are written together. */
const HANDFUL = 250;

/** `POST /v1/jobs/<name>`: 202 when it is written, and never before. */
export async function postJob(c: Context<IntakeEnv>, name: JobName, room: Room): Promise<Response> {
  const { bearer, way } = c.var;
  requireType(c, JSON_TYPES);
  const job = jobIn(await readBody(c, room), name, c.var);
  const [written] = await way.write([{ job, token: bearer.name }]);
  if (written === undefined) throw new Error('the way gave no answer');
  const { jobId, status, state } = written;
  tellPosted(bearer, name, { accepted: 0, known: 0, refused: 0, [status]: 1, jobId });
  return c.json({ jobId, status, state }, 202);
}

async function readBody(c: Context<IntakeEnv>, room: Room): Promise<JsonText> {
  let taken = 0;
  try {
    const limits = { bytesMax: BODY_BYTES_MAX, room };
    const bytes = await wholeBody(c.env.incoming, limits, (some) => {
      taken += some;
    });
    return readJson(bytes);
  } catch (error) {
    if (error instanceof BodyRefusal) throw new Refused(unreadBody(error.why, BODY_BYTES_MAX));
    throw error;
  } finally {
    // Its text is gone; what is left of it is bounded by how much may wait to be written.
    room.give(taken);
  }
}

function requireType(c: Context<IntakeEnv>, types: readonly string[]): void {
  const [type = '', ...parameters] = (c.req.header('content-type') ?? '').toLowerCase().split(/\s*;\s*/);
  const charset = parameters.find((one) => one.startsWith('charset='))?.replaceAll(/^charset=|"/g, '');
  const isUtf8 = charset === undefined || charset === 'utf-8' || charset === 'utf8';
  const encoding = c.req.header('content-encoding') ?? 'identity';
  if (!types.includes(type.trim()) || !isUtf8 || encoding !== 'identity') throw new Refused(wrongType(types));
}

/** @throws Refused */
function jobIn(text: JsonText, name: JobName, given: { bearer: TokenBearer; way: Way }): SyncJob {
  const judged = judge(text, name, given);
  if ('job' in judged) return judged.job;
  if (judged.otherStore !== undefined) throw new Refused(otherStore(judged.otherStore, given.bearer));
  if ('unreadable' in text) throw new Refused(unreadable(text.unreadable));
  throw new Refused(invalid(judged.problems, judged.more));
}

type Judged =
  | { readonly job: SyncJob }
  | {
      readonly problems: readonly PayloadProblem[];
      readonly more: number;
      /** Where that is what is wrong. */
      readonly otherStore?: string;
    };

function judge(text: JsonText, name: JobName, { bearer, way }: { bearer: TokenBearer; way: Way }): Judged {
  if ('unreadable' in text) return { problems: [{ path: '', message: text.unreadable }], more: 0 };
  const parsed = parseJob(name, text.data, text.changed.map(changedNumberProblem));
  const locationId = parsed.ok ? parsed.job.locationId : parsed.locationId;
  // Whoever may not speak for a store is told nothing of the rest.
  if (locationId !== undefined && locationId !== '' && !bearer.locationIds.includes(locationId)) {
    const problems = [{ path: 'locationId', message: otherStoreWords(locationId, bearer) }];
    return { problems, more: 0, otherStore: locationId };
  }
  if (!parsed.ok) return { problems: parsed.problems, more: parsed.more };
  const problems = way.problems(text.data);
  return problems.length > 0
    ? { problems: problems.slice(0, 50), more: Math.max(0, problems.length - 50) }
    : parsed;
}

interface Batch {
  readonly lines: BatchLine[];
  /** Checked, and not written yet. */
  readonly pending: { readonly line: number; readonly job: SyncJob }[];
  bytes: number;
}

/**
 * `POST /v1/jobs/push_sales/batch`: each line by itself, as it comes. 202: each is written; 422: those that are not
 * refused are. What stops it in the middle is answered with what was written before.
 */
export async function postBatch(c: Context<IntakeEnv>, room: Room): Promise<Response> {
  requireType(c, LINES_TYPES);
  const batch: Batch = { lines: [], pending: [], bytes: 0 };
  const stopped = await takeLines(c, batch, room);
  batch.lines.sort((one, other) => one.line - other.line);
  const lines = batch.lines;
  const count = (status: BatchLine['status']) => lines.filter((line) => line.status === status).length;
  const counts = { accepted: count('accepted'), known: count('known'), refused: count('refused') };
  if (lines.length > 0) tellPosted(c.var.bearer, 'push_sales', counts);
  if (stopped !== undefined) {
    throw new Refused({ ...stopped, extra: { ...stopped.extra, ...counts, lines } });
  }
  return c.json({ ...counts, lines }, counts.refused > 0 ? 422 : 202);
}

/** Why it stopped before the end; undefined: it did not. */
async function takeLines(c: Context<IntakeEnv>, batch: Batch, room: Room): Promise<Refusal | undefined> {
  const limits = { bytesMax: BATCH_BYTES_MAX, room };
  const chunks = chunksOf(c.env.incoming, limits, (some) => {
    batch.bytes += some;
  });
  let count = 0;
  try {
    for await (const piece of filledLines(chunks)) {
      count += 1;
      if (count > BATCH_LINES_MAX) {
        await flush(c, batch);
        return tooManyLines(BATCH_LINES_MAX);
      }
      take(piece, c, batch);
      if (batch.pending.length < HANDFUL) continue;
      await flush(c, batch);
      room.give(batch.bytes);
      batch.bytes = 0;
    }
    await flush(c, batch);
    return undefined;
  } catch (error) {
    const refusal = error instanceof BodyRefusal ? unreadBody(error.why, BATCH_BYTES_MAX) : refusalOf(error);
    if (refusal === undefined) throw error;
    return refusal;
  } finally {
    room.give(batch.bytes);
  }
}

function take(piece: Piece, c: Context<IntakeEnv>, { lines, pending }: Batch): void {
  const line = piece.number;
  const text = 'fault' in piece ? { unreadable: piece.fault } : readJson(piece.bytes);
  const judged = judge(text, 'push_sales', c.var);
  if ('job' in judged) pending.push({ line, job: judged.job });
  else lines.push({ line, status: 'refused', problems: [...judged.problems], more: judged.more });
}

async function flush(c: Context<IntakeEnv>, { lines, pending }: Batch): Promise<void> {
  const { bearer, way } = c.var;
  const handful = pending.splice(0);
  if (handful.length === 0) return;
  const written = await way.write(handful.map(({ job }) => ({ job, token: bearer.name })));
  for (const [index, { line }] of handful.entries()) {
    const one = written[index];
    if (one !== undefined) lines.push({ line, jobId: one.jobId, status: one.status, state: one.state });
  }
}

function tellPosted(
  { name: token }: TokenBearer,
  operation: string,
  counts: { accepted: number; known: number; refused: number; jobId?: string },
): void {
  tell('jobs-posted', { token, operation, ...counts });
}
