import { type Answer, OPERATOR, type OpsHarness } from '../harness.ts';

export const JSON_BODY = { 'content-type': 'application/json' };

/** A post of the operator's. */
export function post(
  ops: OpsHarness,
  path: string,
  body: object | string,
  options: { readonly as?: typeof OPERATOR; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Answer> {
  const { as = OPERATOR, headers = JSON_BODY } = options;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return ops.call('POST', path, { as, headers, body: text });
}

export function get(ops: OpsHarness, path: string): Promise<Answer> {
  return ops.call('GET', path, { as: OPERATOR });
}

/** Status, kind of the problem, and what it says. */
export function refusal(answer: Answer) {
  const { type, detail } = answer.json();
  return { status: answer.status, kind: String(type).split(':').at(-1), detail: String(detail) };
}
