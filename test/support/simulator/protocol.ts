/**
 * What the control API of the simulator speaks: checked on the way in, typed on both sides.
 * Times are milliseconds since 1970 on the simulator's clock.
 */
import { z } from 'zod';

const ms = z.number().min(0);
const probability = z.number().min(0).max(1);
const status = z.int().min(200).max(599);

const latencySchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('fixed'), ms }),
  z.strictObject({ kind: z.literal('uniform'), min: ms, max: ms }),
  z.strictObject({ kind: z.literal('lognormal'), median: ms, sigma: z.number().min(0) }),
]);

/** Before the answer. A sale is applied before it: a client that gives up meanwhile was still heard. */
const latency = latencySchema.optional();
/** The request is carried out all the same, behind the failure. */
const apply = z.boolean().optional();

const faultSchema = z.discriminatedUnion('kind', [
  // Answered in the place of the API, which does not carry the request out:
  /** `body`: text goes out as it is (`text/plain` unless `headers` say otherwise), all else as JSON. */
  z.strictObject({
    kind: z.literal('status'),
    status,
    headers: z.record(z.string(), z.string()).optional(),
    body: z.unknown().optional(),
    latency,
    apply,
  }),
  /** A proxy or captive portal answers 200 with a page. */
  z.strictObject({ kind: z.literal('html'), latency, apply }),
  z.strictObject({ kind: z.literal('successFalse'), error: z.string().optional(), latency }),
  /** This share of requests (half) fails with `status` (503), the others are carried out. */
  z.strictObject({
    kind: z.literal('flap'),
    probability: probability.optional(),
    status: status.optional(),
    latency,
  }),
  /** Accepts, never answers. */
  z.strictObject({ kind: z.literal('hang'), apply }),
  /** RST before the body is read. */
  z.strictObject({ kind: z.literal('resetBefore') }),

  // Carried out, and then:
  /** the right answer, late; */
  z.strictObject({ kind: z.literal('slow'), latency: latencySchema }),
  /** RST instead of the answer; */
  z.strictObject({ kind: z.literal('resetAfterApply'), latency }),
  /** half of the promised body, then the connection is closed; */
  z.strictObject({ kind: z.literal('truncated'), latency }),
  /** the right answer as `text/plain`; */
  z.strictObject({ kind: z.literal('wrongContentType'), latency }),
  /** 200 with JSON that is no answer of this API; */
  z.strictObject({ kind: z.literal('wrongShape'), latency }),
  /** one JSON text with a string of so many bytes (1 GiB); */
  z.strictObject({ kind: z.literal('hugeBody'), bytes: z.int().min(0).optional(), latency }),
  /** the right answer, a byte per `intervalMs` (1,000). */
  z.strictObject({ kind: z.literal('drip'), intervalMs: ms.optional(), latency }),
]);

const matchSchema = z.strictObject({
  path: z.string().optional(),
  method: z.string().optional(),
  locationId: z.string().optional(),
  transactionId: z.string().optional(),
  keyPrefix: z.string().optional(),
  /** Of the requests that match the above: leave the first `after` alone, … */
  after: z.int().min(0).optional(),
  /** … take each `everyNth` of the rest, … */
  everyNth: z.int().min(1).optional(),
  /** … of these this share, … */
  probability: probability.optional(),
  /** … and no more than so many. */
  times: z.int().min(0).optional(),
});

export const rulesSchema = z.array(
  z.strictObject({ match: matchSchema.optional(), fault: faultSchema, name: z.string().optional() }),
);

export const modeChangeSchema = z.strictObject({
  /** `down`: the API's port refuses connections. A number: that status for every request. */
  mode: z.union([z.literal('ok'), z.literal('down'), status, faultSchema]),
  /** The change comes after so many more API requests (these still see the old mode). */
  afterRequests: z.int().min(0).optional(),
  /** So long after the change the mode is `ok` again. */
  forMs: ms.optional(),
});

export const settingsSchema = z.strictObject({
  /** The same `Idempotency-Key` again: the same 200, not applied; 409, not applied; applied again. */
  idempotency: z.enum(['replay', 'conflict', 'off']),
  /** Of every answer whose fault has no latency of its own. */
  latency: latencySchema.nullable(),
  apiKey: z.string(),
  /** Taken too, as while a key is being replaced. */
  otherApiKeys: z.array(z.string()),
  /** Of all that is random here; each change of settings starts the sequence again. */
  seed: z.int(),
  /** Keep the text of request bodies in the ledger. */
  keepBodies: z.boolean(),
});

const count = z.coerce.number().min(0).optional();

export const ledgerFilterSchema = z.strictObject({
  path: z.string().optional(),
  key: z.string().optional(),
  /** Only entries with a greater `seq`. */
  since: count,
});

/** All of these reached, at least. */
export const waitConditionSchema = z.strictObject({
  requests: count,
  applied: count,
  inFlight: count,
  /** Answered, or given up. */
  ended: count,
});

export type Latency = z.infer<typeof latencySchema>;
export type Fault = z.infer<typeof faultSchema>;
export type FaultMatch = z.infer<typeof matchSchema>;
export type FaultRule = z.infer<typeof rulesSchema>[number];
/** A rule with what it has done: requests its fields matched, and faults it made of them. */
export type FaultRuleState = FaultRule & { readonly seen: number; readonly fired: number };
export type ModeChange = z.infer<typeof modeChangeSchema>;
export type Mode = ModeChange['mode'];
export interface ModeState {
  readonly mode: Mode;
  readonly pending: { readonly mode: Mode; readonly inRequests: number } | null;
  /** When it goes back to `ok` by itself. */
  readonly until: number | null;
}
export type Settings = z.infer<typeof settingsSchema>;
export type LedgerFilter = z.infer<typeof ledgerFilterSchema>;
export type WaitCondition = z.infer<typeof waitConditionSchema>;

export interface LedgerEntry {
  readonly seq: number;
  readonly receivedAt: number;
  /** When the answer was out or the connection gone; null: still in flight. */
  readonly endedAt: number | null;
  readonly method: string;
  readonly path: string;
  readonly key: string | null;
  /** `X-API-Key`, right or wrong. */
  readonly apiKey: string | null;
  readonly locationId: string | null;
  readonly date: string | null;
  readonly transactionIds: readonly string[];
  readonly applied: boolean;
  /** Its key had been applied before. */
  readonly duplicate: boolean;
  /** Null: no answer was begun. */
  readonly status: number | null;
  /** The name of the rule, else the kind of the fault; `mode:…` where the mode made it. */
  readonly fault: string | null;
  /** Requests in flight when it came, itself included: in all, and on its path. */
  readonly inFlight: number;
  readonly inFlightOnPath: number;
  readonly body?: string;
}

export interface LedgerSummary {
  readonly requests: number;
  /** Sales applied, counting each time. */
  readonly applied: number;
  /** Different keys applied. */
  readonly keys: number;
  /** Keys applied more than once. */
  readonly appliedTwice: number;
  /** Requests whose key had been applied before, applied again or not. */
  readonly duplicates: number;
  /** Transactions in the sales applied, counting each time; and different ones (by location and id). */
  readonly transactions: number;
  readonly distinctTransactions: number;
  /** Requests by the status of their answer; `none`: ended without one. */
  readonly byStatus: Readonly<Record<string, number>>;
  readonly byPath: Readonly<Record<string, number>>;
  readonly inFlight: number;
  readonly maxInFlight: number;
  readonly maxInFlightByPath: Readonly<Record<string, number>>;
}
