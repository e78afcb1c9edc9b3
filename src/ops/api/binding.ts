import type { Hono } from 'hono';
import type { z } from 'zod';
import type { Logger } from '../../base/logger.ts';
import { type Redactor, redactData } from '../../base/redaction.ts';
import type { Word } from '../../sync/dead-letters/operator-event.ts';
import type { OpsEnv } from '../auth.ts';
import { checked, readBody, readQuery } from './asking.ts';
import type { Operation } from './operations.ts';

/** A request that was checked. */
interface Given<Query, Body> {
  readonly query: Query;
  readonly body: Body;
  /** The body as it came. */
  readonly text: string;
  /** Of who asks. */
  readonly wordOf: (reason: string) => Word;
}

/** Gives the operation its route: what is handled was checked, what is answered is redacted. */
export type Bind = <Query extends z.ZodType, Body extends z.ZodType>(
  operation: Operation<Query, Body>,
  handle: (given: Given<z.output<Query>, z.output<Body>>) => Promise<object>,
) => void;

export function createBind(routes: Hono<OpsEnv>, redact: Redactor, logger: Logger): Bind {
  return ({ method, path, query, lists, body }, handle) => {
    routes.on(method.toUpperCase(), path, async (c) => {
      const { name } = c.get('person');
      const wordOf = (reason: string) => ({ actor: redact(name), reason: redact(reason) });
      const asked = method === 'post' ? await readBody(c) : { body: {}, text: '' };
      const given = { query: checked(query, readQuery(c, lists)), body: checked(body, asked.body) };
      const answer = await handle({ ...given, text: asked.text, wordOf });
      if (method === 'post') logger.info({ actor: name, act: path.slice(1) }, 'operator write');
      return c.json(redactData(JSON.parse(JSON.stringify(answer)), redact));
    });
  };
}

/** Undefined: it is to be counted only. A request that does something has its reason. */
export function wordIn(
  { dryRun, reason }: { readonly dryRun: boolean; readonly reason?: string | undefined },
  wordOf: (reason: string) => Word,
): Word | undefined {
  return dryRun || reason === undefined ? undefined : wordOf(reason);
}
