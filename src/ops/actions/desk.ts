import type { Context } from 'hono';
import type { Problem } from '../../base/problem.ts';
import type { Redactor } from '../../base/redaction.ts';
import type { Word } from '../../sync/dead-letters/operator-event.ts';
import type { Acting } from '../acting.ts';
import { refusalOfAct } from '../api/refusals.ts';
import type { OpsEnv } from '../auth.ts';
import type { FleetReader } from '../fleet-reader.ts';
import { actionPage, type Html } from './page.ts';
import type { Runs } from './runs.ts';

/** What the forms have at hand. */
export interface Desk {
  readonly acting: Acting;
  readonly fleet: FleetReader;
  readonly runs: Runs;
  readonly redact: Redactor;
}

export type OpsContext = Context<OpsEnv>;

/** Of the person who asks. */
export function wordOf(c: OpsContext, { redact }: Desk, reason: string): Word {
  return { actor: redact(c.get('person').name), reason: redact(reason) };
}

/** A page of the desk: with a trouble, its status. */
export function show(
  c: OpsContext,
  title: string,
  body: Html,
  {
    trouble,
    reloadS,
  }: { readonly trouble?: Problem | undefined; readonly reloadS?: number | undefined } = {},
) {
  const page = actionPage({ title, person: c.get('person'), body, reloadS });
  return c.html(page, statusOf(trouble));
}

function statusOf(trouble: Problem | undefined) {
  const known = [400, 404, 409, 415, 422, 503] as const;
  return trouble === undefined ? 200 : (known.find((status) => status === trouble.status) ?? 500);
}

/** What it came to, or why nothing was done. Throws on what is no refusal. */
export async function tried<Result>(
  work: () => Promise<Result>,
): Promise<{ readonly result: Result } | { readonly trouble: Problem }> {
  try {
    return { result: await work() };
  } catch (error) {
    const trouble = refusalOfAct(error);
    if (trouble === undefined) throw error;
    return { trouble };
  }
}
