import { type Answer, OPERATOR, type OpsHarness } from '../harness.ts';

type Fields = Readonly<Record<string, string | readonly string[]>>;

/** Opens a page as the operator. */
export function open(ops: OpsHarness, path: string): Promise<Answer> {
  return ops.call('GET', path, { as: OPERATOR });
}

/** What a browser would send of the page's form that posts: what is hidden or filled in there, and what is typed. */
export async function submit(ops: OpsHarness, path: string, typed: Fields = {}): Promise<Answer> {
  const fields = [...hiddenIn((await open(ops, path)).text)].filter(([name]) => !Object.hasOwn(typed, name));
  return send(ops, path, [...fields, ...Object.entries(typed)]);
}

export function send(
  ops: OpsHarness,
  path: string,
  fields: Iterable<readonly [string, string | readonly string[]]>,
  options: { readonly as?: typeof OPERATOR; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Answer> {
  const { as = OPERATOR, headers = {} } = options;
  const pairs = [...fields].flatMap(([name, values]) =>
    [values].flat().map((value): [string, string] => [name, value]),
  );
  const body = new URLSearchParams(pairs).toString();
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  return ops.call('POST', path.split('?')[0] ?? path, { as, body, headers: { ...type, ...headers } });
}

function* hiddenIn(html: string): Generator<[string, string]> {
  for (const [, name = '', value = ''] of html.matchAll(
    /<input type="hidden" name="([^"]*)" value="([^"]*)">/g,
  )) {
    yield [name, value.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&')];
  }
}

/** What a person reads of a page. */
export function textOf({ text }: Answer): string {
  return text
    .replace(/<head>[\s\S]*<\/head>/, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll('&#39;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll(/\s+/g, ' ');
}
