import { hostname, userInfo } from 'node:os';
import { InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { ConexxusSyncError } from '../base/errors.ts';
import type { Redactor } from '../base/redaction.ts';
import type { Word } from '../sync/dead-letters/operator-event.ts';

/** The command line does not make sense. */
export class UsageError extends ConexxusSyncError {
  readonly code = 'USAGE';
}

/** A point in time as a person gave it: itself, or so long before or after now. */
export type Moment = { readonly at: number } | { readonly spanMs: number };

const UNITS_MS = [86_400_000, 3_600_000, 60_000, 1_000];
const SPAN = /^(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?$/;
const OFFSET_TIME = z.iso.datetime({ offset: true });

// Readers of options: commander shows the message of what they throw, before anything is done.

export function notEmpty(value: string): string {
  if (value.trim() === '') throw new InvalidArgumentError('It is empty.');
  return value;
}

/** Of an option that may be given again. */
export function listed(value: string, values: readonly string[] | undefined): readonly string[] {
  return [...(values ?? []), notEmpty(value)];
}

/** `2026-01-31T14:30:00-06:00`, `30m`, `1h30m`, `2d` */
function moment(value: string): Moment {
  const units = SPAN.exec(value)?.slice(1) ?? [];
  const spanMs = units.reduce((sum, count, unit) => sum + Number(count ?? 0) * (UNITS_MS[unit] ?? 0), 0);
  if (spanMs > 0) return { spanMs };
  if (OFFSET_TIME.safeParse(value).success) return { at: Date.parse(value) };
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
  const begin = moment(value);
  return 'at' in begin ? begin.at : Date.now() - begin.spanMs;
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
