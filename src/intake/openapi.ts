import { type Json, openApi, reference } from '../base/openapi.ts';
import { fetchInventory, pushSales } from '../sync/jobs/payload.ts';
import { ANSWERS } from './contract.ts';
import { OPERATIONS, type OperationName } from './operations.ts';
import { BATCH_BYTES_MAX, BATCH_LINES_MAX, BODY_BYTES_MAX, JSON_TYPES, LINES_TYPES } from './posting.ts';

const MB = 1024 * 1024;

const PROBLEMS: Readonly<Record<number, string>> = {
  400: 'Cannot be read',
  401: 'No token, or none that is in force',
  403: 'Of a store that the token is not for',
  404: 'Nobody has heard of it',
  408: 'The body was not complete',
  413: 'Too large',
  415: 'Another content type or encoding',
  422: 'Not valid: every problem with its path',
  429: 'Too many requests',
  500: 'A fault of the intake',
  503: 'What is needed is away, or too much is under way. Nothing is lost by sending it again',
};

const location = queryParameter('location', 'One of the stores of the token; default: all of them');

interface About {
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly Json[];
  readonly requestBody?: Json;
  readonly responses: Json;
}

const POST_PROBLEMS = [400, 401, 403, 408, 413, 415, 422, 429, 500, 503];
const GET_PROBLEMS = [401, 403, 429, 500, 503];

const ABOUT: Readonly<Record<OperationName, About>> = {
  push_sales: {
    summary: "A store's sales of a day, or a part of them",
    description: `Answered when they are written. The same content again is \`known\`, so to send it again is always safe. At most ${BODY_BYTES_MAX / MB} MB.`,
    requestBody: body(JSON_TYPES, reference('PushSales')),
    responses: { 202: answer('Written', 'Accepted'), ...problemsOf(POST_PROBLEMS) },
  },
  push_sales_batch: {
    summary: 'Many payloads, one a line',
    description: `JSON Lines: each line is a payload as push_sales takes it, and is answered by itself. At most ${BATCH_LINES_MAX} lines and ${BATCH_BYTES_MAX / MB} MB.`,
    requestBody: body(LINES_TYPES, { type: 'string', description: 'A PushSales a line' }),
    responses: {
      ...problemsOf([400, 401, 415, 429, 500]),
      202: answer('All lines are written', 'Batch'),
      422: answer('Some lines are refused, the others are written', 'Batch'),
      ...Object.fromEntries(
        [408, 413, 503].map((status) => [
          status,
          problemWith('BrokenBatch', status, { isBeforeReading: true }),
        ]),
      ),
    },
  },
  fetch_inventory: {
    summary: "Asks for the store's catalog",
    requestBody: body(JSON_TYPES, reference('FetchInventory')),
    responses: { 202: answer('Written', 'Accepted'), ...problemsOf(POST_PROBLEMS) },
  },
  job: {
    summary: 'What became of a job',
    parameters: [pathParameter('jobId', 'As it was answered'), location],
    responses: { 200: answer('Known', 'Job'), ...problemsOf([...GET_PROBLEMS, 404]) },
  },
  sale: {
    summary: 'What became of a sale',
    parameters: [
      pathParameter('transactionId', 'Of the POS'),
      location,
      queryParameter('date', 'Of this business date alone, YYYY-MM-DD'),
    ],
    responses: { 200: answer('Known', 'Sale'), ...problemsOf([...GET_PROBLEMS, 404, 422]) },
  },
  pending: {
    summary: 'What is not settled yet',
    description: 'A page may be empty and not the last: ask on until `next` is null.',
    parameters: [location, queryParameter('cursor', '`next` of the page before')],
    responses: { 200: answer('A page', 'Pending'), ...problemsOf([...GET_PROBLEMS, 400]) },
  },
  openapi: {
    summary: 'This document',
    responses: {
      200: { description: 'OpenAPI 3.1', content: { 'application/json': { schema: { type: 'object' } } } },
    },
  },
};

/** The whole contract, from the schemas that check the requests. */
export function openApiDocument(): Json {
  const paths: Record<string, Json> = {};
  for (const [name, about] of Object.entries(ABOUT)) {
    if (!isOperation(name)) continue;
    const { method, path } = OPERATIONS[name];
    const templated = path.replaceAll(/:(\w+)/g, '{$1}');
    const operation = { operationId: name, ...about, ...(name === 'openapi' && { security: [] }) };
    paths[templated] = { ...paths[templated], [method.toLowerCase()]: operation };
  }
  return openApi({
    title: 'conexxus-sync intake',
    description: 'For a POS without a queue client: posts sales, and asks what became of them.',
    security: {
      token: {
        type: 'http',
        scheme: 'bearer',
        description: '`node dist/cli.js tokens create` makes one for a store',
      },
    },
    paths,
    schemas: { PushSales: pushSales, FetchInventory: fetchInventory, ...ANSWERS },
  });
}

function isOperation(name: string): name is OperationName {
  return Object.hasOwn(OPERATIONS, name);
}

function body(types: readonly string[], schema: Json): Json {
  return { required: true, content: Object.fromEntries(types.map((type) => [type, { schema }])) };
}

function answer(description: string, name: string): Json {
  return { description, content: { 'application/json': { schema: reference(name) } } };
}

function pathParameter(name: string, description: string): Json {
  return { name, in: 'path', required: true, description, schema: { type: 'string' } };
}

function queryParameter(name: string, description: string): Json {
  return { name, in: 'query', required: false, description, schema: { type: 'string' } };
}

function problemsOf(statuses: readonly number[]): Json {
  return Object.fromEntries(statuses.map((status) => [status, problemWith('Problem', status)]));
}

function problemWith(name: string, status: number, { isBeforeReading = false } = {}): Json {
  const schema = isBeforeReading ? { anyOf: [reference(name), reference('Problem')] } : reference(name);
  const isLater = status === 429 || status === 503 || status === 500;
  return {
    description: PROBLEMS[status] ?? '',
    ...(isLater && {
      headers: { 'Retry-After': { description: 'Seconds', required: true, schema: { type: 'integer' } } },
    }),
    content: { 'application/problem+json': { schema } },
  };
}
