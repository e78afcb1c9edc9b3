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
import type { Outcome } from './outcome.ts';
import { createTransport, type WireRequest } from './transport.ts';
import { parseInventory } from './wire.ts';

export interface ConexxusClientOptions {
  /** May have a path; a trailing slash makes no difference. */
  readonly baseUrl: string;
  readonly apiKey: string;
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

/** One call, one try, never a throw: what went wrong is in the outcome, `error.code` one of `CallErrorCode`. */
export interface ConexxusClient {
  /** `data` goes out as `JSON.stringify` writes it: numbers as their shortest text, unknown fields unchanged. */
  pushSales(data: unknown, options: PushOptions): Promise<Outcome>;
  fetchInventory(options?: CallOptions): Promise<FetchedInventory>;
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

interface FetchedInventory {
  readonly outcome: Outcome;
  /** Raw, not yet validated; there if, and only if, the outcome is delivered. */
  readonly items?: readonly unknown[];
}

const SALES_PATH = '/api/v1/sales/push';
const INVENTORY_PATH = '/api/v1/inventory/items';
const HEALTH_PATH = '/api/v1/health';

/** Throws only for a `baseUrl` that is no URL. */
export function createConexxusClient(options: ConexxusClientOptions): ConexxusClient {
  const { baseUrl, concurrency, ca, apiKey, userAgent, timeoutMs, redact } = options;
  const headers = { 'x-api-key': apiKey, 'user-agent': userAgent };
  const transport = createTransport({ baseUrl, concurrency, timeoutMs, ca, headers });

  async function call(
    request: WireRequest | Problem,
    sentIds?: readonly string[],
  ): Promise<Classified & { readonly call: CallContext }> {
    const startedAt = performance.now();
    const { reply, resent } =
      'code' in request ? { reply: request, resent: false } : await transport.exchange(request);
    const durationMs = Math.round(performance.now() - startedAt);
    const call = { durationMs, resent, sentIds, nowMs: Date.now(), redact };
    const classified =
      'code' in reply ? { outcome: classifyProblem(reply, call) } : classifyAnswer(reply, call);
    return { ...classified, call };
  }

  return {
    async pushSales(data, { idempotencyKey, transactionIds = [], signal }) {
      const post = writePost(data, idempotencyKey);
      const request =
        'code' in post ? post : { path: SALES_PATH, post, timeoutMs, connection: 'pooled' as const, signal };
      return (await call(request, transactionIds)).outcome;
    },
    async fetchInventory({ signal } = {}) {
      return toInventory(await call({ path: INVENTORY_PATH, timeoutMs, connection: 'pooled', signal }));
    },
    async health({ timeoutMs, signal }) {
      const classified = await call({ path: HEALTH_PATH, timeoutMs, connection: 'own', signal });
      return toHealthAnswer(classified, classified.call);
    },
    close: () => transport.close(),
  };
}

/** Data that JSON can't hold, or a key that no header can, would fail the same way on every try. */
function writePost(
  data: unknown,
  idempotencyKey: string,
): { json: string; idempotencyKey: string } | Problem {
  try {
    validateHeaderValue('Idempotency-Key', idempotencyKey);
    const json: string | undefined = JSON.stringify(data);
    if (json === undefined) return { code: 'invalid_request', message: 'there is no data to send' };
    return { json, idempotencyKey };
  } catch (thrown) {
    return { code: 'invalid_request', message: `request can't be written: ${errorMessage(thrown)}` };
  }
}

function toInventory({ outcome, data, call }: Classified & { readonly call: CallContext }): FetchedInventory {
  if (outcome.kind !== 'delivered') return { outcome };
  const items = parseInventory(data);
  if (items !== undefined) return { outcome, items };
  const problem = { code: 'invalid_answer', message: 'inventory is not a list of items' } as const;
  const { kind: _kind, duplicate: _duplicate, ...answered } = outcome;
  return { outcome: invalidAnswer(answered, problem, call) };
}
