import type { Ledger, OpenEntry } from './ledger.ts';
import type { Settings } from './protocol.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface ApiRequest {
  readonly body: string;
  readonly entry: OpenEntry;
}

/** What the API is when nothing is wrong with it. */
export interface World {
  readonly ledger: Ledger;
  settings: Settings;
  /** JSON text of an array: prices go out digit by digit as they came in. */
  catalog: string;
}

export interface Sale {
  readonly locationId: string | null;
  readonly date: string | null;
  readonly transactionIds: readonly string[];
}

const NO_SALE: Sale = { locationId: null, date: null, transactionIds: [] };
const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8' };

/** What the ledger notes of a body; all null or empty where it is no JSON object. */
export function readSale(body: string): Sale {
  const json = parseObject(body);
  if (json === null) return NO_SALE;
  const { locationId, date, transactions } = json;
  return {
    locationId: typeof locationId === 'string' ? locationId : null,
    date: typeof date === 'string' ? date : null,
    transactionIds: Array.isArray(transactions) ? transactions.flatMap(transactionId) : [],
  };
}

/** Carries the request out and gives the right answer. */
export function carryOut(world: World, request: ApiRequest): Answer {
  switch (`${request.entry.method} ${request.entry.path}`) {
    case 'GET /api/v1/health':
      return success('{"status":"ok"}');
    case 'GET /api/v1/inventory/items':
      return isAuthorized(world, request) ? success(world.catalog) : failure(401, 'Invalid API key');
    case 'POST /api/v1/sales/push':
      return isAuthorized(world, request) ? pushSale(world, request) : failure(401, 'Invalid API key');
    default:
      return failure(404, 'Not found');
  }
}

function pushSale({ ledger, settings }: World, { entry, body }: ApiRequest): Answer {
  if (parseObject(body) === null) return failure(400, 'The body is no JSON object');
  entry.duplicate = entry.key !== null && ledger.wasApplied(entry.key);
  if (entry.duplicate && settings.idempotency === 'conflict') return failure(409, 'Already processed');
  if (!entry.duplicate || settings.idempotency === 'off') ledger.apply(entry);
  const { locationId, date, transactionIds } = entry;
  return success(JSON.stringify({ locationId, date, transactions: transactionIds.length }));
}

function isAuthorized({ settings }: World, { entry: { apiKey } }: ApiRequest): boolean {
  return apiKey !== null && [settings.apiKey, ...settings.otherApiKeys].includes(apiKey);
}

function success(dataJson: string): Answer {
  const body = `{"success":true,"data":${dataJson},"timestamp":"${new Date().toISOString()}"}`;
  return { status: 200, headers: JSON_HEADERS, body };
}

export function failure(status: number, error: string): Answer {
  return json(status, { success: false, error, timestamp: new Date().toISOString() });
}

export function json(status: number, value: unknown): Answer {
  return { status, headers: JSON_HEADERS, body: JSON.stringify(value) };
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function transactionId(transaction: unknown): string[] {
  return isRecord(transaction) && typeof transaction['id'] === 'string' ? [transaction['id']] : [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
