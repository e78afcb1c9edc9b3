import * as z from 'zod';
import { VERSION } from './version.ts';

export type Json = Record<string, unknown>;

interface Contract {
  readonly title: string;
  readonly description: string;
  /** How callers say who they are, by its name. */
  readonly security: Readonly<Record<string, Json>>;
  readonly paths: Json;
  /** What requests and answers are called in the document. */
  readonly schemas: Readonly<Record<string, z.ZodType>>;
}

const COMPONENTS = '#/components/schemas/';

/** OpenAPI 3.1. */
export function openApi({ title, description, security, paths, schemas }: Contract): Json {
  return {
    openapi: '3.1.0',
    info: { title, version: VERSION, description, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/' }],
    security: Object.keys(security).map((name) => ({ [name]: [] })),
    paths,
    components: { securitySchemes: security, schemas: componentsOf(schemas) },
  };
}

/** To a schema of the document. */
export function reference(name: string): Json {
  return { $ref: `${COMPONENTS}${name}` };
}

function componentsOf(named: Readonly<Record<string, z.ZodType>>): Json {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { uri: (id) => `${COMPONENTS}${id}`, io: 'input' });
  return Object.fromEntries(
    Object.entries(schemas).map(([name, { $schema: _dialect, $id: _id, ...schema }]) => [name, schema]),
  );
}
