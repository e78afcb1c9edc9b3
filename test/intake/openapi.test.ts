import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { aSale } from '../support/outbox.ts';
import { type Answer, type Asking, type IntakeBench, intakeBench, jsonLines, LINES } from './harness.ts';

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}
interface Operation {
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content & { readonly headers?: object }>>;
}
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

const JSON_TYPE = 'application/json';
let bench: IntakeBench;
let token: string;
let document: { readonly paths: Paths };

beforeAll(async () => {
  bench = await intakeBench({ outbox: true, env: () => ({ INTAKE_RATE: '40' }) });
  token = await bench.token('till', 'store-1');
  document = (await bench.ask('GET', '/openapi.json')).body;
});

afterAll(() => bench.close());

/** As the document's own references point. */
function checkerOf(schema: object) {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema({ $id: 'https://document.test/', ...document });
  const absolute = JSON.stringify(schema).replaceAll('"#/', '"https://document.test/#/');
  return ajv.compile(JSON.parse(absolute));
}

/** The answer is one that the document has for this operation. */
function expectDocumented(method: string, template: string, { status, headers, body }: Answer): void {
  const response = document.paths[template]?.[method.toLowerCase()]?.responses[status];
  const [type = ''] = (headers.get('content-type') ?? '').split(';');
  const schema = response?.content?.[type]?.schema;
  if (schema === undefined) throw new Error(`${method} ${template} has no answer ${status} as ${type}`);
  const check = checkerOf(schema);
  check(body);
  expect({ template, status, errors: check.errors }).toEqual({ template, status, errors: null });
  const isLater = /^\d+$/.test(headers.get('retry-after') ?? '');
  expect(isLater).toBe(response?.headers !== undefined);
}

describe('the OpenAPI document', () => {
  it('is one, by the specification', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(structuredClone(document));
    expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
    expect(validator.version).toBe('3.1');
  });

  it('needs no token, which it says, and all else needs one', async () => {
    expect(document.paths['/openapi.json']?.['get']).toMatchObject({ security: [] });
    expect(document).toMatchObject({ security: [{ token: [] }] });
  });

  it('has the shapes that a payload is checked by', () => {
    const schema = document.paths['/v1/jobs/push_sales']?.['post']?.requestBody?.content?.[JSON_TYPE]?.schema;
    const check = checkerOf(schema ?? {});
    expect(check(aSale('T-1', { more: 'kept' }))).toBe(true);
    for (const bad of [{}, { ...aSale('T-1'), date: '2026-02-30' }, { ...aSale('T-1'), transactions: 1 }]) {
      expect(check(bad)).toBe(false);
    }
  });

  it('has every answer that was given', async () => {
    const big = ' '.repeat(13 * 1024 * 1024);
    const other = aSale('T-2', { locationId: 'store-9' });
    const { body: posted } = await bench.ask('POST', '/v1/jobs/push_sales', { token, body: aSale('T-1') });
    const id = { jobId: posted.jobId, transactionId: 'T-1' };
    const lines = (...payloads: unknown[]): Asking => ({ token, headers: LINES, body: jsonLines(payloads) });
    const asked: [method: string, template: string, status: number, how?: Asking, query?: string][] = [
      ['POST', '/v1/jobs/push_sales', 202, { token, body: aSale('T-1') }],
      ['POST', '/v1/jobs/push_sales', 400, { token, body: '{' }],
      ['POST', '/v1/jobs/push_sales', 401, { body: aSale('T-1') }],
      ['POST', '/v1/jobs/push_sales', 401, { token: 'cxs_none', body: aSale('T-1') }],
      ['POST', '/v1/jobs/push_sales', 403, { token, body: other }],
      ['POST', '/v1/jobs/push_sales', 413, { token, body: big }],
      ['POST', '/v1/jobs/push_sales', 415, { token, body: '{}', headers: { 'content-type': 'text/plain' } }],
      ['POST', '/v1/jobs/push_sales', 422, { token, body: {} }],
      ['POST', '/v1/jobs/fetch_inventory', 202, { token, body: { locationId: 'store-1' } }],
      ['POST', '/v1/jobs/fetch_inventory', 422, { token, body: {} }],
      ['POST', '/v1/jobs/push_sales/batch', 202, lines(aSale('T-1'), aSale('T-3'))],
      ['POST', '/v1/jobs/push_sales/batch', 422, lines(aSale('T-1'), other, 'no JSON')],
      ['POST', '/v1/jobs/push_sales/batch', 413, lines(...Array(10_001).fill('{}'))],
      ['POST', '/v1/jobs/push_sales/batch', 415, { token, body: '{}' }],
      ['GET', '/v1/jobs/{jobId}', 200, { token }],
      ['GET', '/v1/jobs/{jobId}', 403, { token }, '?location=store-9'],
      ['GET', '/v1/sales/{transactionId}', 200, { token }],
      ['GET', '/v1/sales/{transactionId}', 404, { token }, '?date=2020-01-01'],
      ['GET', '/v1/sales/{transactionId}', 422, { token }, '?date=today'],
      ['GET', '/v1/pending', 200, { token }],
      ['GET', '/v1/pending', 400, { token }, '?cursor=none'],
      ['GET', '/openapi.json', 200],
    ];
    const met = new Set<string>();
    for (const [method, template, status, how, query = ''] of asked) {
      const path = template.replace(/\{(\w+)\}/, (_all, name) => (name === 'jobId' ? id.jobId : 'T-1'));
      const answer = await bench.ask(method, `${path}${query}`, how);
      expect([method, template, answer.status]).toEqual([method, template, status]);
      expectDocumented(method, template, answer);
      met.add(`${method.toLowerCase()} ${template}`);
    }
    const all = Object.entries(document.paths).flatMap(([template, operations]) =>
      Object.keys(operations).map((method) => `${method} ${template}`),
    );
    expect([...met].toSorted()).toEqual(all.toSorted());
  });

  it('has what is said of too many requests', async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => bench.ask('GET', '/v1/jobs/none', { token })),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused.slice(0, 3)) expectDocumented('GET', '/v1/jobs/{jobId}', answer);
  });
});
