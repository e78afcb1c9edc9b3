import { readFileSync } from 'node:fs';
import { errorMessage } from '../errors.ts';
import { type Network, readNetwork } from '../networks.ts';
import type { Redactor } from '../redaction.ts';
import { apiKeyProblem, readApiKeyFile } from './api-key.ts';
import { isLoopback, listOf, type Report } from './formats.ts';

/** What a caller of the Conexxus API proves itself with. */
export interface Access {
  readonly apiKey: string;
  /** Where it came from, and where another one may come from; absent: from a variable. */
  readonly apiKeyFile?: string;
  /** PEM of a private certificate authority. */
  readonly ca?: string;
}

interface Login {
  readonly user: string;
  readonly password: string;
}

export interface Dashboard {
  readonly host: string;
  readonly port: number;
  readonly operator?: Login;
  /** May look, may change nothing. */
  readonly viewer?: Login;
  /** Whose `X-Forwarded-For` is believed. */
  readonly proxies: readonly Network[];
}

const PASSWORD_LENGTH_MIN = 8;

export function checkPlainHttp(conexxus: { apiUrl: string; allowHttp: boolean }, report: Report): void {
  if (conexxus.allowHttp || !URL.canParse(conexxus.apiUrl)) return;
  const { protocol, hostname } = new URL(conexxus.apiUrl);
  if (protocol !== 'http:' || isLoopback(hostname)) return;
  report(
    'CONEXXUS_API_URL',
    'CONEXXUS_API_URL sends the key and the sales unencrypted: use https://, or set CONEXXUS_ALLOW_HTTP=true',
  );
}

export function checkCircuit(circuit: { openMs: number; openMaxMs: number }, report: Report): void {
  if (circuit.openMaxMs >= circuit.openMs) return;
  report('CIRCUIT_OPEN_MAX', 'CIRCUIT_OPEN_MAX must be at least CIRCUIT_OPEN');
}

/** What the outbox may forget, the delivered marks must have forgotten before, and the event log only after. */
export function checkRetention(
  outbox: { retentionDays: number },
  circuit: { deliveredRetentionDays: number },
  events: { retentionDays: number },
  report: Report,
): void {
  if (outbox.retentionDays < circuit.deliveredRetentionDays) {
    report('OUTBOX_RETENTION_DAYS', 'OUTBOX_RETENTION_DAYS must be at least DELIVERED_RETENTION_DAYS');
  }
  if (events.retentionDays <= Math.max(outbox.retentionDays, circuit.deliveredRetentionDays)) {
    report(
      'EVENT_RETENTION_DAYS',
      'EVENT_RETENTION_DAYS must be above OUTBOX_RETENTION_DAYS and DELIVERED_RETENTION_DAYS: a relay reads in the event log what became of a sale',
    );
  }
}

interface AccessSettings {
  readonly apiKey: string | undefined;
  readonly apiKeyFile: string | undefined;
  readonly caFile: string | undefined;
}

/** `redact` is for what the system says of a file: all else in a problem is ours, and holds no value. */
export function readAccess(
  { apiKey, apiKeyFile, caFile }: AccessSettings,
  report: Report,
  redact: Redactor,
): Access {
  if (apiKey && apiKeyFile) {
    report('CONEXXUS_API_KEY_FILE', 'CONEXXUS_API_KEY_FILE and CONEXXUS_API_KEY are both set: keep one');
  }
  const read = (variable: string, reader: () => string) => {
    try {
      return reader();
    } catch (error) {
      report(variable, `${variable} cannot be read: ${redact(errorMessage(error))}`);
      return undefined;
    }
  };
  const fromFile = apiKeyFile && !apiKey ? apiKeyFile : undefined;
  const key = fromFile ? read('CONEXXUS_API_KEY_FILE', () => readApiKeyFile(fromFile)) : (apiKey ?? '');
  // An unreadable file is reported as just that.
  if (key !== undefined) checkApiKey(key, fromFile !== undefined, report);
  const ca = caFile && read('CONEXXUS_CA_FILE', () => readFileSync(caFile, 'utf8').trim());
  if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----')) {
    report('CONEXXUS_CA_FILE', 'CONEXXUS_CA_FILE has no certificate in it: it must be in PEM format');
  }
  return { apiKey: key ?? '', ...(fromFile ? { apiKeyFile: fromFile } : {}), ...(ca ? { ca } : {}) };
}

function checkApiKey(key: string, isFromFile: boolean, report: Report): void {
  const variable = isFromFile ? 'CONEXXUS_API_KEY_FILE' : 'CONEXXUS_API_KEY';
  const problem = apiKeyProblem(key);
  if (key === '') {
    report(
      variable,
      isFromFile
        ? 'CONEXXUS_API_KEY_FILE is empty: put the key into it'
        : 'CONEXXUS_API_KEY is not configured: set it, or CONEXXUS_API_KEY_FILE to a file that holds it',
    );
  } else if (problem !== undefined) {
    report(variable, `CONEXXUS_API_KEY ${problem}`);
  }
}

interface DashboardSettings {
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly viewerUser: string | undefined;
  readonly viewerPassword: string | undefined;
  readonly trustProxy: string | undefined;
}

export function readDashboard(settings: DashboardSettings, report: Report): Dashboard {
  const { host, port, user, password, viewerUser, viewerPassword, trustProxy } = settings;
  const operator = readLogin('DASHBOARD', user, password, report);
  const viewer = readLogin('DASHBOARD_VIEWER', viewerUser, viewerPassword, report);
  if (!user && !password && !isLoopback(host)) {
    report(
      'DASHBOARD_HOST',
      'DASHBOARD_HOST is reachable from other machines: set DASHBOARD_USER and DASHBOARD_PASSWORD, or use 127.0.0.1',
    );
  }
  if (viewerUser && !user) {
    report(
      'DASHBOARD_USER',
      'DASHBOARD_USER is not configured: a viewer login needs an operator login beside it',
    );
  }
  if (viewerUser && viewerUser === user) {
    report('DASHBOARD_VIEWER_USER', 'DASHBOARD_VIEWER_USER must differ from DASHBOARD_USER');
  }
  // What is no network is reported by its format.
  const proxies = trustProxy === undefined ? [] : listOf(trustProxy).flatMap((one) => readNetwork(one) ?? []);
  return { host, port, proxies, ...(operator ? { operator } : {}), ...(viewer ? { viewer } : {}) };
}

function readLogin(
  prefix: string,
  user: string | undefined,
  password: string | undefined,
  report: Report,
): Login | undefined {
  if (user === undefined && password === undefined) return undefined;
  if (user === undefined || password === undefined) {
    const [missing, given] = user === undefined ? ['USER', 'PASSWORD'] : ['PASSWORD', 'USER'];
    report(
      `${prefix}_${missing}`,
      `${prefix}_${missing} is not configured: ${prefix}_${given} is, and needs it`,
    );
    return undefined;
  }
  if (user.includes(':')) report(`${prefix}_USER`, `${prefix}_USER must have no ":" in it`);
  if (password.length < PASSWORD_LENGTH_MIN) {
    report(
      `${prefix}_PASSWORD`,
      `${prefix}_PASSWORD is too short: it needs at least ${PASSWORD_LENGTH_MIN} characters`,
    );
  }
  return { user, password };
}
