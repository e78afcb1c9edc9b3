import { validateHeaderValue } from 'node:http';
import { errorMessage } from '../base/errors.ts';
import type { Problem } from './call-error.ts';
import {
  type CallContext,
  type Classified,
  classifyAnswer,
  classifyProblem,
  invalidAnswer,
} from './classify.ts';
import { type HealthAnswer, toHealthAnswer } from './health.ts';
import type { OnItem } from './item-reader.ts';
import type { Outcome } from './outcome.ts';
import { createTransport, type WireRequest } from './transport.ts';
import { LISTED } from './wire.ts';

export interface ConexxusClientOptions {
  /** May have a path; a trailing slash makes no difference. */
  readonly baseUrl: string;
  readonly apiKey: ApiKey;
  /** Of a whole request, from the wait for a socket to the last byte of the answer. */
  readonly timeoutMs: number;
  /** Most calls of `pushSales` and `fetchInventory` on the wire at once; more wait, within their timeout. */
  readonly concurrency: number;
  readonly userAgent: string;
  /** PEM of a private CA; then only this CA is trusted. */
  readonly ca?: string | undefined;
  /** Applied to every error message. */
  readonly redact: (text: string) => string;
}

/** May change at any time. */
export interface ApiKey {
  /** Asked for each call. */
  current(): string;
  /** Waited for after a 401: `current` may be another one then. */
  reread(): Promise<void>;
}

/**
 * One call, one try, never a throw: what went wrong is in the outcome, `error.code` one of `CallErrorCode`.
 * Only a 401 to a key that has been replaced meanwhile is no outcome: the call is made with the new one.
 */
export interface ConexxusClient {
  /** The payload goes out as it is, to the byte. */
  pushSales(json: string, options: PushOptions): Promise<Outcome>;
  /**
   * Gives out the items while they come, as they came and not yet validated. They are a catalog if, and only if,
   * the outcome is delivered: else there may have been some, and they mean nothing.
   */
  fetchInventory(options: InventoryOptions): Promise<Outcome>;
  /** On a connection of its own, so that calls that hang can't make the API look ill. */
  health(options: HealthOptions): Promise<HealthAnswer>;
  /** Closes all sockets, also those of calls under way. */
  close(): void;
}

interface CallOptions {
  /** Ends the call as `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

interface PushOptions extends CallOptions {
  readonly idempotencyKey: string;
  /** Looked for among what a success refuses. */
  readonly transactionIds?: readonly string[];
}

interface HealthOptions extends CallOptions {
  readonly timeoutMs: number;
}

interface InventoryOptions extends CallOptions {
  /** Called between two turns of the event loop, many times. It must not throw. */
  readonly onItem: OnItem;
}

type CallRequest = Omit<WireRequest, 'apiKey'> & { readonly sentIds?: readonly string[] };
type ClassifiedCall = Classified & { readonly call: CallContext };

const SALES_PATH = '/api/v1/sales/push';
const INVENTORY_PATH = '/api/v1/inventory/items';
const HEALTH_PATH = '/api/v1/health';

/** Throws only for a `baseUrl` that is no URL. */
export function createConexxusClient(options: ConexxusClientOptions): ConexxusClient {
  const { baseUrl, concurrency, ca, apiKey, userAgent, timeoutMs, redact } = options;
  const transport = createTransport({ baseUrl, concurrency, timeoutMs, ca, userAgent });

  async function callWith(key: string, { sentIds, ...request }: CallRequest): Promise<ClassifiedCall> {
    const startedAt = performance.now();
    const { reply, resent } = await transport.exchange({ apiKey: key, ...request });
    const durationMs = Math.round(performance.now() - startedAt);
    const call = { durationMs, resent, sentIds, nowMs: Date.now(), redact };
    const classified =
      'code' in reply ? { outcome: classifyProblem(reply, call) } : classifyAnswer(reply, call);
    return { call, ...classified };
  }

  async function call(request: CallRequest): Promise<ClassifiedCall> {
    const startedAt = performance.now();
    const key = apiKey.current();
    const first = await callWith(key, request);
    if (first.outcome.httpStatus !== 401) return first;
    await apiKey.reread();
    const leftMs = Math.floor(request.timeoutMs - (performance.now() - startedAt));
    if (apiKey.current() === key || leftMs < 1) return first;
    return callWith(apiKey.current(), { ...request, timeoutMs: leftMs });
  }

  return {
    async pushSales(json, { idempotencyKey, transactionIds = [], signal }) {
      const problem = problemOf(idempotencyKey);
      if (problem) {
        return classifyProblem(problem, { durationMs: 0, resent: false, nowMs: Date.now(), redact });
      }
      const post = { json, idempotencyKey };
      const request = { path: SALES_PATH, post, timeoutMs, connection: 'pooled', signal } as const;
      return (await call({ sentIds: transactionIds, ...request })).outcome;
    },
    async fetchInventory({ onItem, signal }) {
      const request = { path: INVENTORY_PATH, timeoutMs, connection: 'pooled', signal, onItem } as const;
      return ofInventory(await call(request));
    },
    async health({ timeoutMs, signal }) {
      const classified = await call({ path: HEALTH_PATH, timeoutMs, connection: 'own', signal });
      return toHealthAnswer(classified, classified.call);
    },
    close: () => transport.close(),
  };
}

/** A key that no header can hold would fail the same way on every try. */
function problemOf(idempotencyKey: string): Problem | undefined {
  try {
    validateHeaderValue('Idempotency-Key', idempotencyKey);
    return undefined;
  } catch (thrown) {
    return { code: 'invalid_request', message: `request can't be written: ${errorMessage(thrown)}` };
  }
}

function ofInventory({ outcome, data, call }: ClassifiedCall): Outcome {
  if (outcome.kind !== 'delivered' || data === LISTED) return outcome;
  const problem = { code: 'invalid_answer', message: 'inventory is not a list of items' } as const;
  const { kind: _kind, duplicate: _duplicate, ...answered } = outcome;
  return invalidAnswer(answered, problem, call);
}
