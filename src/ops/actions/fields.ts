import type { Context } from 'hono';
import { isOfType } from '../api/asking.ts';
import { wrongType } from '../api/refusals.ts';

const FORM_TYPE = 'application/x-www-form-urlencoded';

/** What a person filled in, or a link says; what was left empty is not there. */
export interface Fields {
  one(name: string): string | undefined;
  all(name: string): readonly string[] | undefined;
  /** Those of them that are there, by name, as their form fields. */
  pick(names: readonly string[]): Record<string, readonly string[]>;
}

export function queryFields(c: Context): Fields {
  return fieldsOf(new URL(c.req.url).searchParams);
}

/** @throws RequestRefusal */
export async function formFields(c: Context): Promise<Fields> {
  if (!isOfType(c, FORM_TYPE)) throw wrongType(FORM_TYPE);
  return fieldsOf(new URLSearchParams(await c.req.text()));
}

function fieldsOf(params: URLSearchParams): Fields {
  const all = (name: string) => {
    const values = params.getAll(name).filter((value) => value.trim() !== '');
    return values.length === 0 ? undefined : values;
  };
  return {
    one: (name) => all(name)?.[0]?.trim(),
    all,
    pick: (names) =>
      Object.fromEntries(names.flatMap((name) => (all(name) ? [[name, all(name) ?? []]] : []))),
  };
}

/** A text in a URL's query, for links. */
export function queryOf(fields: Readonly<Record<string, readonly string[]>>): string {
  const params = new URLSearchParams(
    Object.entries(fields).flatMap(([name, values]) =>
      values.map((value): [string, string] => [name, value]),
    ),
  );
  return params.size === 0 ? '' : `?${params.toString()}`;
}
