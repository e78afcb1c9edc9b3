import { Hono } from 'hono';
import type { Logger } from '../../base/logger.ts';
import { readMoment } from '../../base/moment.ts';
import type { Redactor } from '../../base/redaction.ts';
import type { CircuitAction } from '../../circuit/circuit.ts';
import type { Word } from '../../sync/dead-letters/operator-event.ts';
import { timeToCome } from '../../sync/report/fleet.ts';
import type { Acting } from '../acting.ts';
import type { OpsEnv } from '../auth.ts';
import type { FleetReader } from '../fleet-reader.ts';
import { problem } from '../problem.ts';
import {
  actOnOutbox,
  listDeadLetters,
  listEvents,
  passDeadLetters,
  payloadFor,
  repairDeadLetter,
} from './acts.ts';
import { type Bind, createBind, wordIn } from './binding.ts';
import { openApiDocument } from './openapi.ts';
import { OPERATIONS } from './operations.ts';
import { refusalOfAct } from './refusals.ts';

export interface ApiDeps {
  readonly acting: Acting;
  readonly fleet: FleetReader;
  readonly redact: Redactor;
  readonly logger: Logger;
}

/** Everything under `/api`. Answers are redacted; problems are RFC 9457. */
export function apiRoutes({ acting, fleet, redact, logger }: ApiDeps): Hono<OpsEnv> {
  const routes = new Hono<OpsEnv>();
  routes.onError((error) => {
    const refusal = refusalOfAct(error);
    if (refusal === undefined) throw error;
    return problem(refusal);
  });
  const bind = createBind(routes, redact, logger);
  bindCircuit(bind, acting, fleet);
  bindSales(bind, acting);
  bindOutbox(bind, acting);
  let document: ReturnType<typeof openApiDocument> | undefined;
  bind(OPERATIONS.openapi, async () => (document ??= openApiDocument()));
  return routes;
}

function bindCircuit(bind: Bind, { operate }: Acting, fleet: FleetReader): void {
  const report = async () => (await fleet.look()).report;
  const steer = async (action: CircuitAction, { actor, reason }: Word, until?: string) => {
    const end = until === undefined ? undefined : readMoment(until);
    const ends = end === undefined ? {} : { until: await timeToCome(end, fleet) };
    await operate(action, { actor, reason, ...ends });
    return report();
  };
  bind(OPERATIONS.circuit, report);
  for (const action of ['hold', 'bypass'] as const) {
    bind(OPERATIONS[action], ({ body, wordOf }) => steer(action, wordOf(body.reason), body.until));
  }
  for (const action of ['release', 'trial', 'reset'] as const) {
    bind(OPERATIONS[action], ({ body, wordOf }) => steer(action, wordOf(body.reason)));
  }
  bind(OPERATIONS.workers, async () => (await fleet.look()).workers);
}

function bindSales(bind: Bind, acting: Acting): void {
  bind(OPERATIONS.events, ({ query }) => listEvents(acting, query));
  bind(OPERATIONS.deadLetters, ({ query }) => listDeadLetters(acting, query));
  for (const deed of ['replay', 'discard'] as const) {
    bind(OPERATIONS[deed], ({ body, wordOf }) => passDeadLetters(acting, deed, body, wordIn(body, wordOf)));
  }
  bind(OPERATIONS.repair, ({ body, text, wordOf }) =>
    repairDeadLetter(acting, body, text, wordIn(body, wordOf)),
  );
  bind(OPERATIONS.resend, async ({ body, text, wordOf }) => {
    const asked = { id: body.id, payload: payloadFor(body.id, body.payload, text) };
    const word = wordIn(body, wordOf);
    if (word === undefined) return { dryRun: true, ...(await acting.resending.rehearse(asked)) };
    return acting.resending.resend({ ...asked, word });
  });
}

function bindOutbox(bind: Bind, acting: Acting): void {
  bind(OPERATIONS.outboxRelease, ({ body, wordOf }) =>
    actOnOutbox(acting, 'release', body, wordIn(body, wordOf)),
  );
  bind(OPERATIONS.outboxDiscard, ({ body, wordOf }) =>
    actOnOutbox(acting, 'discard', body, wordIn(body, wordOf)),
  );
  bind(OPERATIONS.relaysRelease, async ({ body, wordOf }) => ({
    released: await acting.outbox.releaseRelays(wordOf(body.reason)),
  }));
}
