import type convict from 'convict';
import { readNetwork } from '../networks.ts';
import { zoneProblem } from '../zones.ts';

type Value = string | number | boolean | undefined;

/** One variable of the schema. `default: null` means required, `undefined` means optional. */
export interface Variable<T = Value> extends convict.SchemaObj<T> {
  readonly env: string;
  readonly doc: string;
  readonly format: FormatName;
  readonly default: T | null;
  readonly sensitive?: boolean;
  /** Of required ones: what to set it to, for the message that it is missing. */
  readonly setItTo?: string;
  /** Of numbers. */
  readonly min?: number;
  readonly max?: number;
}

type FormatName = keyof typeof CHECKS;

/** What is wrong with one variable, in words that name it and say what to do. No value is quoted. */
export interface Problem {
  readonly variable: string;
  readonly text: string;
}

export type Report = (variable: string, text: string) => void;

export function isVariable(node: object): node is Variable {
  return 'format' in node;
}

export function variable(env: string, format: FormatName, doc: string) {
  return { env, format, doc };
}

export function required(env: string, format: FormatName, doc: string, setItTo: string): Variable<string> {
  return { ...variable(env, format, doc), default: null, setItTo };
}

export function optional(env: string, format: FormatName, doc: string, more: { sensitive?: boolean } = {}) {
  return { ...variable(env, format, doc), default: undefined as string | undefined, ...more };
}

export function flag(env: string, byDefault: boolean, doc: string) {
  return { ...variable(env, 'flag', doc), default: byDefault };
}

export function count(env: string, byDefault: number, [min, max]: readonly [number, number], doc: string) {
  return { ...variable(env, 'whole-number', doc), default: byDefault, min, max };
}

export function ms(env: string, byDefault: number, [min, max]: readonly [number, number], doc: string) {
  return { ...variable(env, 'milliseconds', doc), default: byDefault, min, max };
}

/** Says what is wrong with a value, after the variable's name; undefined where nothing is. */
type Check = (value: unknown, limits: Limits) => string | undefined;

interface Limits {
  readonly min?: number;
  readonly max?: number;
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

const CHECKS = {
  addresses: text((value) =>
    listOf(value).every((one) => readNetwork(one) !== undefined)
      ? undefined
      : 'must be addresses or networks, like 10.0.0.7 or 10.0.0.0/8, with commas between them; not everybody (/0)',
  ),
  'api-url': text(checkApiUrl),
  'clock-time': text((value) =>
    isClockTime(value) ? undefined : 'must be a time of day from 00:00 to 23:59, like 23:30',
  ),
  'database-url': text((value) => checkUrl(value, ['postgres://', 'postgresql://'])),
  flag: (value) => (typeof value === 'boolean' ? undefined : 'must be true or false'),
  host: text((value) => (/^[\w.:-]+$/.test(value) ? undefined : 'must be a host name or an IP address')),
  'log-level': text((value) =>
    LOG_LEVELS.includes(value) ? undefined : `must be one of ${LOG_LEVELS.join(', ')}`,
  ),
  milliseconds: wholeNumber('a whole number of milliseconds'),
  namespace: text((value) =>
    /^[A-Za-z0-9][\w.-]{0,99}$/.test(value)
      ? undefined
      : 'must begin with a letter or digit and have only letters, digits, "-", "_" and "." (at most 100)',
  ),
  'redis-url': text((value) => checkUrl(value, ['redis://', 'rediss://'])),
  share: checkShare,
  text: text((value) => (/\p{Cc}/u.test(value) ? 'must have no control characters' : undefined)),
  'web-url': text((value) => checkUrl(value, ['http://', 'https://'])),
  'webhook-secret': text(checkWebhookSecret),
  'whole-number': wholeNumber('a whole number'),
  zone: text(zoneProblem),
} satisfies Record<string, Check>;

/**
 * For `convict.addFormats`. convict folds all errors into one text that quotes values; ours are
 * reported one by one, through the `report` that each loaded schema carries in its items.
 */
export function convictFormats(): Record<string, convict.Format> {
  return Object.fromEntries(
    Object.entries(CHECKS).map(([name, check]: [string, Check]) => [
      name,
      {
        coerce: (value: string) => coerce(name, value),
        validate(value: unknown, item: Variable & { report: Report }) {
          const problem =
            value === null ? `is not configured: set it to ${item.setItTo}` : check(value, item);
          if (problem !== undefined) item.report(item.env, `${item.env} ${problem}`);
        },
      },
    ]),
  );
}

/** What cannot be read as its type stays text, and is then refused by its check. */
function coerce(format: string, value: string): unknown {
  if (format === 'flag') return FLAGS.get(value.toLowerCase()) ?? value;
  if (format === 'log-level') return value.toLowerCase();
  const isNumber = ['milliseconds', 'whole-number', 'share'].includes(format);
  return isNumber && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
}

const FLAGS = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

export function isClockTime(value: string): boolean {
  return /^(?:[01]\d|2[0-3]):[0-5]\d$/.test(value);
}

/** What stands between commas. */
export function listOf(value: string): string[] {
  return value.split(',').map((one) => one.trim());
}

/** Of a URL (which brackets IPv6) or of a listen address. */
export function isLoopback(host: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}

function text(check: (value: string) => string | undefined): Check {
  return (value) => (typeof value === 'string' ? check(value) : 'must be a text');
}

function wholeNumber(what: string): Check {
  return (value, { min = 0, max = Number.MAX_SAFE_INTEGER }) => {
    const fits = Number.isInteger(value) && Number(value) >= min && Number(value) <= max;
    return fits ? undefined : `must be ${what} from ${min} to ${max}`;
  };
}

function checkShare(value: unknown): string | undefined {
  const fits = typeof value === 'number' && value > 0 && value <= 1;
  return fits ? undefined : 'must be a number above 0 and at most 1, such as 0.5';
}

function checkApiUrl(value: string): string | undefined {
  const problem = checkUrl(value, ['http://', 'https://']);
  if (problem !== undefined) return problem;
  const url = new URL(value);
  if (/(^|\.)example\.(com|org|net)\.?$/.test(url.hostname)) {
    return 'points to example domain: set it to the address of your Conexxus back office';
  }
  if (url.username || url.password) return 'must have no credentials in it: the key goes in CONEXXUS_API_KEY';
  if (url.search || url.hash) return 'must have no query or fragment: paths are appended to it';
  return undefined;
}

/** As Standard Webhooks has it. */
function checkWebhookSecret(value: string): string | undefined {
  const bytes = Buffer.from(value.replace(/^whsec_/, ''), 'base64');
  const isBase64 = value.startsWith('whsec_') && bytes.toString('base64') === value.slice('whsec_'.length);
  return isBase64 && bytes.length >= 24 && bytes.length <= 64
    ? undefined
    : 'must be whsec_ and 24 to 64 random bytes in Base64: printf whsec_ && openssl rand -base64 32';
}

function checkUrl(value: string, schemes: readonly string[]): string | undefined {
  if (!schemes.some((scheme) => value.toLowerCase().startsWith(scheme))) {
    return `must start with ${schemes.join(' or ')}`;
  }
  return URL.canParse(value) && new URL(value).hostname !== ''
    ? undefined
    : 'is not a valid URL: percent-encode special characters of its user name and password';
}
