import type { Context } from 'hono';
import type { z } from 'zod';
import { type Problem as FieldProblem, formatPath } from '../../sync/jobs/problems.ts';
import { notJson, notValid, wrongType } from './refusals.ts';

const JSON_TYPE = 'application/json';

/** `text`: the body as it came, of a post. */
export interface Asked {
  readonly body: unknown;
  readonly text: string;
}

/** @throws RequestRefusal */
export async function readBody(c: Context): Promise<Asked> {
  if (!isOfType(c, JSON_TYPE)) throw wrongType(JSON_TYPE);
  const text = await c.req.text();
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return { body, text };
  } catch {
    throw notJson();
  }
  throw notJson();
}

/** A browser sends no other site's form as JSON without asking first, nor a script's JSON as a form. */
export function isOfType(c: Context, type: string): boolean {
  const [given = ''] = (c.req.header('content-type') ?? '').split(';');
  return given.trim().toLowerCase() === type;
}

/** Each parameter as its text; those of `lists` as all that were given. @throws RequestRefusal */
export function readQuery(c: Context, lists: readonly string[]): Record<string, string | string[]> {
  const given = Object.entries(c.req.queries());
  const twice = given.filter(([name, values]) => values.length > 1 && !lists.includes(name));
  if (twice.length > 0) {
    throw notValid(twice.map(([path]) => ({ path, message: 'is given more than once: give one' })));
  }
  return Object.fromEntries(
    given.map(([name, values]) => [name, lists.includes(name) ? values : (values[0] ?? '')]),
  );
}

/** @throws RequestRefusal with every problem and its path */
export function checked<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  throw notValid(result.error.issues.flatMap(problemsOf));
}

function problemsOf(issue: z.core.$ZodIssue): FieldProblem[] {
  const path = formatPath(issue.path.filter((segment) => typeof segment !== 'symbol'));
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
  return issue.keys.map((key) => ({
    path: formatPath([key]),
    message: 'is not known here: leave it out',
  }));
}
