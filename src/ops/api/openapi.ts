import * as z from 'zod';
import { type Json, openApi, reference } from '../../base/openapi.ts';
import { ANSWERS } from './answers.ts';
import { OPERATIONS, type Operation } from './operations.ts';

const PROBLEMS: Readonly<Record<number, string>> = {
  400: 'Cannot be read',
  401: 'Login required',
  403: "A viewer's write, or one that comes from another site",
  404: 'There is no outbox',
  409: 'It makes no sense now; nothing was changed',
  413: 'Too large',
  415: 'Another content type',
  422: 'Not valid: every problem with its path',
  429: 'Too many failed logins of this address',
  500: 'A fault of the dashboard',
  503: 'Redis or Postgres is away, or takes no writes',
};
const OF_ALL = [401, 403, 429, 500, 503];
const OF_POSTS = [400, 413, 415, 422];

/** OpenAPI 3.1, from the schemas that check the requests. */
export function openApiDocument(): Json {
  const paths: Record<string, Json> = {};
  for (const [operationId, operation] of Object.entries(OPERATIONS)) {
    const path = `/api${operation.path}`;
    paths[path] = { ...paths[path], [operation.method]: { operationId, ...described(operation) } };
  }
  return openApi({
    title: 'conexxus-sync operations',
    description: "To look at the circuit and what became of sales, and to steer. Writes are the operator's.",
    security: { login: { type: 'http', scheme: 'basic' } },
    paths,
    schemas: ANSWERS,
  });
}

function described({ method, summary, query, body, answer, problems }: Operation): Json {
  const parameters = parametersOf(schemaOf(query));
  const statuses = new Set([...OF_ALL, ...problems, ...(method === 'post' ? OF_POSTS : [])]);
  return {
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(method === 'post' && {
      requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body) } } },
    }),
    responses: {
      200: { description: summary, content: { 'application/json': { schema: reference(answer) } } },
      ...Object.fromEntries([...statuses].map((status) => [status, problemOf(status)])),
    },
  };
}

function problemOf(status: number): Json {
  return {
    description: PROBLEMS[status] ?? '',
    content: { 'application/problem+json': { schema: reference('Problem') } },
  };
}

function parametersOf({ properties = {}, required = [] }: z.core.JSONSchema.BaseSchema): Json[] {
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}

function schemaOf(schema: z.ZodType): z.core.JSONSchema.BaseSchema {
  const { $schema: _dialect, '~standard': _standard, ...made } = z.toJSONSchema(schema, { io: 'input' });
  return made;
}
