import type {
  FaultRule,
  FaultRuleState,
  LedgerEntry,
  LedgerFilter,
  LedgerSummary,
  ModeChange,
  ModeState,
  Settings,
  WaitCondition,
} from './protocol.ts';

/** Steers a simulator and reads its ledger, from whatever process. Every method rejects where it is away. */
export interface SimulatorControl {
  ledger(filter?: LedgerFilter): Promise<readonly LedgerEntry[]>;
  summary(): Promise<LedgerSummary>;
  /** A new back office: forgets requests and idempotency keys. */
  clearLedger(): Promise<void>;
  /** Replaces all rules; the first that strikes wins. `[]` ends all faults but the mode's. */
  setFaults(rules: readonly FaultRule[]): Promise<void>;
  faults(): Promise<readonly FaultRuleState[]>;
  /** For the API as a whole; goes before the rules. */
  setMode(mode: ModeChange['mode'], when?: Omit<ModeChange, 'mode'>): Promise<void>;
  mode(): Promise<ModeState>;
  setSettings(changes: Partial<Settings>): Promise<void>;
  /** Text: JSON of an array, served digit by digit as it is. */
  setCatalog(items: readonly unknown[] | string): Promise<void>;
  /** The summary once all is reached; rejects after `timeoutMs` (10,000). */
  waitFor(condition: WaitCondition, timeoutMs?: number): Promise<LedgerSummary>;
}

export function connectSimulator(controlUrl: string): SimulatorControl {
  const get = <T>(path: string, query: Query = {}) => call<T>(controlUrl, 'GET', path + asText(query));
  const put = (path: string, body: string) => call<void>(controlUrl, 'PUT', path, body);

  return {
    ledger: (filter = {}) => get<readonly LedgerEntry[]>('/ledger', filter),
    summary: () => get<LedgerSummary>('/ledger', { summary: 1 }),
    clearLedger: () => call<void>(controlUrl, 'DELETE', '/ledger'),
    setFaults: (rules) => put('/faults', JSON.stringify(rules)),
    faults: () => get<readonly FaultRuleState[]>('/faults'),
    setMode: (mode, when = {}) => put('/mode', JSON.stringify({ mode, ...when })),
    mode: () => get<ModeState>('/mode'),
    setSettings: (changes) => put('/settings', JSON.stringify(changes)),
    setCatalog: (items) => put('/catalog', typeof items === 'string' ? items : JSON.stringify(items)),
    waitFor: async (condition, timeoutMs = 10_000) => {
      const { reached, summary } = await get<Waited>('/wait', { ...condition, timeoutMs });
      if (reached) return summary;
      const wanted = JSON.stringify(condition);
      throw new Error(`${wanted} not reached in ${timeoutMs} ms; the ledger says ${JSON.stringify(summary)}`);
    },
  };
}

interface Waited {
  readonly reached: boolean;
  readonly summary: LedgerSummary;
}

type Query = Readonly<Record<string, string | number | undefined>>;

function asText(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  return `?${parameters.toString()}`;
}

async function call<T>(controlUrl: string, method: string, path: string, body?: string): Promise<T> {
  const answer = await fetch(`${controlUrl}/control${path}`, { method, body: body ?? null });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  const value: T = JSON.parse(text);
  return value;
}
