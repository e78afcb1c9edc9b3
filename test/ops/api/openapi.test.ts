import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { deliveredMarkKey } from '../../../src/circuit/keys.ts';
import { eventLog } from '../../../src/events/schema.ts';
import { migrateOutbox } from '../../../src/outbox/migrate.ts';
import { openTestDatabase, type TestDatabase } from '../../events/harness.ts';
import { mended } from '../../sync/dead-letters/mending.ts';
import { openShelf, type Shelf } from '../../sync/shelf.ts';
import { type Answer, OPERATOR, type OpsHarness, startOps } from '../harness.ts';
import { get, JSON_BODY, post } from './harness.ts';

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}
interface Operation {
  readonly parameters?: readonly { readonly name: string }[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

let log: TestDatabase;
let shelf: Shelf;
let ops: OpsHarness;
let document: { readonly paths: Paths };

beforeAll(async () => {
  log = await openTestDatabase();
  await migrateOutbox(log.database);
  shelf = openShelf();
  const { namespace } = shelf;
  ops = await startOps({
    database: log.database,
    outboxDatabase: log.database,
    realCircuit: true,
    namespace,
  });
  document = JSON.parse((await get(ops, '/api/openapi.json')).text);
});

afterAll(async () => {
  await ops.close();
  shelf.close();
  await log.close();
});

function checkerOf(schema: object) {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema({ $id: 'urn:conexxus:document', ...document });
  return ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"urn:conexxus:document#/')));
}

/** The answer is one that the document has for this operation. */
function expectDocumented(method: string, path: string, { status, headers, text }: Answer): void {
  const responses = document.paths[path.split('?')[0] ?? '']?.[method.toLowerCase()]?.responses ?? {};
  const [type = ''] = (headers['content-type'] ?? '').split(';');
  const schema = responses[status]?.content?.[type]?.schema;
  if (schema === undefined) throw new Error(`${method} ${path} has no answer ${status} as ${type}`);
  const check = checkerOf(schema);
  check(JSON.parse(text));
  expect({ path, status, errors: check.errors }).toEqual({ path, status, errors: null });
}

describe('the OpenAPI document', () => {
  it('is one, by the specification', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(structuredClone(document));
    expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
    expect(validator.version).toBe('3.1');
  });

  it('has every route, and each is there', async () => {
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const routed = ops.routes.filter(({ path, method }) => path.startsWith('/api/') && method !== 'ALL');
    expect(described.sort()).toEqual(
      [...new Set(routed.map(({ path, method }) => `${method} ${path}`))].sort(),
    );
  });

  it('has the shapes that a request is checked by', () => {
    const schema = document.paths['/api/circuit/hold']?.['post']?.requestBody?.content?.['application/json'];
    const check = checkerOf(schema?.schema ?? {});
    expect(check({ reason: 'x', until: '30m' })).toBe(true);
    for (const bad of [{}, { reason: '' }, { reason: 'x', other: 1 }]) expect(check(bad)).toBe(false);
    const events = document.paths['/api/events']?.['get']?.parameters?.map(({ name }) => name);
    expect(events).toEqual(['type', 'location', 'job', 'since', 'until', 'limit', 'cursor']);
  });

  it('has every answer that was given', async () => {
    const { redis, queue, namespace } = shelf;
    await shelf.died({ id: 'a' }, { id: 'b' }, { id: 'c', reason: 'crashed: boom' });
    await redis.hset(queue.toKey('d'), { name: 'push_sales', data: '{}' });
    await redis.set(deliveredMarkKey(namespace, 'ps-x'), '1');
    await log.database.db.insert(eventLog).values({
      eventType: 'conexxus.circuit.opened',
      aggregateId: 'circuit',
      timestamp: new Date(),
      payload: { cause: 'streak' },
      dedupeKey: 'one',
    });
    const reason = 'x';
    const posts: [path: string, status: number, body: object | string, headers?: Record<string, string>][] = [
      ['/api/circuit/hold', 200, { reason, until: '1h' }],
      ['/api/circuit/hold', 422, {}],
      ['/api/circuit/hold', 400, '['],
      ['/api/circuit/hold', 415, '{}', {}],
      ['/api/circuit/hold', 413, JSON.stringify({ reason: 'x'.repeat(70_000) })],
      ['/api/circuit/hold', 403, { reason }, { ...JSON_BODY, origin: 'https://evil.example' }],
      ['/api/circuit/trial', 409, { reason }],
      ['/api/circuit/release', 200, { reason }],
      ['/api/circuit/bypass', 200, { reason }],
      ['/api/circuit/reset', 200, { reason }],
      ['/api/dead-letters/replay', 200, { ids: ['a', 'nobody'], dryRun: true }],
      ['/api/dead-letters/replay', 200, { ids: ['a', 'nobody'], reason }],
      ['/api/dead-letters/repair', 200, { id: 'b', payload: mended('b'), dryRun: true }],
      ['/api/dead-letters/repair', 422, { id: 'b', payload: {}, reason }],
      ['/api/dead-letters/repair', 409, { id: 'nobody', payload: mended('b'), reason }],
      ['/api/dead-letters/repair', 200, { id: 'b', payload: mended('b'), reason }],
      ['/api/dead-letters/discard', 200, { all: true, reason }],
      ['/api/resend', 409, { id: 'a', reason }],
      ['/api/resend', 422, { id: 'a', reason, payload: {}, more: 1 }],
      ['/api/outbox/release', 200, { sales: ['T-1'], dryRun: true }],
      ['/api/outbox/discard', 200, { all: true, reason }],
      ['/api/outbox/relays/release', 200, { reason }],
    ];
    for (const [path, status, body, headers = JSON_BODY] of posts) {
      const answer = await post(ops, path, body, { headers });
      expect({ path, status: answer.status, text: answer.text }).toMatchObject({ path, status });
      expectDocumented('POST', path, answer);
    }
    const gets = ['circuit', 'workers', 'events', 'dead-letters?id=a&id=c', 'events?limit=0', 'openapi.json'];
    for (const path of gets) expectDocumented('GET', `/api/${path}`, await get(ops, `/api/${path}`));
    expectDocumented('GET', '/api/events', await ops.call('GET', '/api/events'));
    const login = { ...OPERATOR, password: 'guessed' };
    expectDocumented('GET', '/api/circuit', await ops.call('GET', '/api/circuit', { as: login }));
  });
});
