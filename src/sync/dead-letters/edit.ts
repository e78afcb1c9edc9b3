import type { Redactor } from '../../base/redaction.ts';
import {
  type ChangedNumber,
  changedNumberProblem,
  changedNumbers,
  changedNumbersAsText,
} from '../jobs/exact-numbers.ts';
import { parseJob, type SyncJob } from '../jobs/jobs.ts';
import { locationIdOf, pushSales, transactionIdsOf } from '../jobs/payload.ts';
import { formatPath, type Problem } from '../jobs/problems.ts';
import { InvalidPayloadError } from '../producer/producer-errors.ts';
import { type Differences, differencesOf } from './differences.ts';
import { asShown, unmasked } from './masked.ts';

/** A payload as a person edited it. */
export interface Edited {
  readonly data: unknown;
  /** Numbers in its text that are others in the data. */
  readonly changed: readonly ChangedNumber[];
}

/** The sale that is to go in place of a dead one. */
export interface Edition {
  readonly job: SyncJob & { readonly syncKey: string };
  readonly differences: Differences;
}

/**
 * The edited payload, checked as any new sale is, and for being the same sale still. `before`: what is dead, as JSON.
 * @throws InvalidPayloadError with every problem and its path
 */
export function readEdition(before: string, edited: Edited, redact: Redactor): Edition {
  const { data, problems } = unmasked(parsed(changedNumbersAsText(before)), edited.data, redact);
  const known = [...edited.changed.map(changedNumberProblem), ...problems];
  const read = parseJob('push_sales', data, known);
  if (!read.ok) throw new InvalidPayloadError(withoutSecrets(read.problems, redact), read.more);
  const original = parsed(before);
  const moved = identityProblems(original, data);
  if (moved.length > 0) throw new InvalidPayloadError(withoutSecrets(moved, redact), 0);
  const { job } = read;
  const exact = new Map(changedNumbers(before).map(({ path, text }) => [formatPath(path), text]));
  const show = (name: string, value: unknown) => asShown(name, value, redact);
  const { list, more } = differencesOf(original, data, { exact, show });
  return {
    job: { ...job, syncKey: job.syncKey ?? '' },
    differences: { more, list: list.map(({ path, ...each }) => ({ ...each, path: redact(path) })) },
  };
}

/** They quote what is in it. */
function withoutSecrets(problems: readonly Problem[], redact: Redactor): Problem[] {
  return problems.map(({ path, message }) => ({ path: redact(path), message: redact(message) }));
}

/** Any client can write anything. */
export function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}

const INSTEAD = 'another sale is enqueued anew, and this one discarded';

/**
 * Store, business date and transaction ids say which sale it is: with others, the books of a day would lose one or gain
 * one. What was wrong about them from the beginning may be put right.
 */
function identityProblems(before: unknown, after: unknown): Problem[] {
  return [
    ...sameMember('locationId', locationIdOf(before), locationIdOf(after)),
    ...sameMember('date', dateOf(before), dateOf(after)),
    ...sameTransactions(before, transactionIdsOf(after)),
  ];
}

function sameMember(path: string, before: string | undefined, after: string | undefined): Problem[] {
  if (before === undefined || before === '' || before === after) return [];
  return [{ path, message: `must stay ${JSON.stringify(before)}: ${INSTEAD}` }];
}

/** Where it is a date. */
function dateOf(data: unknown): string | undefined {
  return pushSales.pick({ date: true }).safeParse(data).data?.date;
}

function sameTransactions(before: unknown, after: readonly string[]): Problem[] {
  const ids = new Set(transactionIdsOf(before).filter((id) => id !== ''));
  const missing = [...ids].filter((id) => !after.includes(id));
  const isWhole = ids.size === countTransactions(before);
  const strangers = isWhole ? [...after.entries()].filter(([, id]) => !ids.has(id)) : [];
  return [
    ...missing.map((id) => ({
      path: 'transactions',
      message: `must keep ${JSON.stringify(id)}: ${INSTEAD}`,
    })),
    ...strangers.map(([at]) => ({
      path: `transactions[${at}].id`,
      message: `is none of the sales in it: ${INSTEAD}`,
    })),
  ];
}

function countTransactions(data: unknown): number {
  const transactions: unknown =
    typeof data === 'object' && data !== null && Reflect.get(data, 'transactions');
  return Array.isArray(transactions) ? transactions.length : 0;
}
