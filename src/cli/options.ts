import { hostname, userInfo } from 'node:os';
import { InvalidArgumentError } from 'commander';
import { ConexxusSyncError } from '../base/errors.ts';
import { type Moment, readMoment, timeAgo } from '../base/moment.ts';
import type { Redactor } from '../base/redaction.ts';
import type { Word } from '../sync/dead-letters/operator-event.ts';

/** The command line does not make sense. */
export class UsageError extends ConexxusSyncError {
  readonly code = 'USAGE';
}

// Readers of options: commander shows the message of what they throw, before anything is done.

export function notEmpty(value: string): string {
  if (value.trim() === '') throw new InvalidArgumentError('It is empty.');
  return value;
}

/** Of an option that may be given again. */
export function listed(value: string, values: readonly string[] | undefined): readonly string[] {
  return [...(values ?? []), notEmpty(value)];
}

function moment(value: string): Moment {
  const read = readMoment(value);
  if (read !== undefined) return read;
  throw new InvalidArgumentError(
    'It is neither a time with its offset, like 2026-01-31T14:30:00-06:00, nor a duration, like 30m or 2h.',
  );
}

/** A moment to come. */
export function until(value: string): Moment {
  const end = moment(value);
  if ('at' in end && end.at <= Date.now()) throw new InvalidArgumentError('It lies in the past.');
  return end;
}

/** A moment gone by; a duration counts back from now. */
export function ago(value: string): number {
  return timeAgo(moment(value));
}

export function positive(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError('It is no whole number of at least 1.');
  return Number(value);
}

export interface WordOptions {
  readonly reason: string;
  readonly actor?: string;
}

export const REASON = ['--reason <text>', 'why, for the audit trail', notEmpty] as const;
export const ACTOR = ['--actor <name>', 'who does it (default: user@host)', notEmpty] as const;

/** Both go into rows and pages that others read. */
export function wordOf({ reason, actor = localActor() }: WordOptions, redact: Redactor): Word {
  return { actor: redact(actor), reason: redact(reason) };
}

function localActor(): string {
  return `${userName()}@${hostname()}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a uid that has no name.
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}
