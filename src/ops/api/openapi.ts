import { z } from 'zod';
import { VERSION } from '../../base/version.ts';
import { ANSWERS } from './answers.ts';
import { OPERATIONS, type Operation } from './operations.ts';

type Json = Record<string, unknown>;

const COMPONENTS = '#/components/schemas/';

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
  return {
    openapi: '3.1.0',
    info: {
      title: 'conexxus-sync operations',
      version: VERSION,
      description:
        "To look at the circuit and what became of sales, and to steer. Writes are the operator's.",
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{ login: [] }],
    paths,
    components: { securitySchemes: { login: { type: 'http', scheme: 'basic' } }, schemas: answerSchemas() },
  };
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

function answerSchemas(): Json {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(ANSWERS)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { uri: (id) => `${COMPONENTS}${id}`, io: 'input' });
  return Object.fromEntries(
    Object.entries(schemas).map(([name, { $schema: _dialect, $id: _id, ...schema }]) => [name, schema]),
  );
}

function reference(name: string): Json {
  return { $ref: `${COMPONENTS}${name}` };
}
