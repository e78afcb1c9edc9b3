import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { z } from 'zod';
import type { RuleBook } from './faults.ts';
import type { Ledger } from './ledger.ts';
import type { ModeSwitch } from './mode.ts';
import {
  ledgerFilterSchema,
  modeChangeSchema,
  rulesSchema,
  type Settings,
  settingsSchema,
  waitConditionSchema,
} from './protocol.ts';

export interface Steering {
  readonly ledger: Ledger;
  readonly rules: RuleBook;
  readonly mode: ModeSwitch;
  readonly settings: () => Settings;
  readonly changeSettings: (next: Settings) => void;
  /** Throws where it is no JSON array. */
  readonly setCatalog: (jsonText: string) => void;
}

const DEFAULT_WAIT_MS = 10_000;
const ledgerQuerySchema = ledgerFilterSchema.extend({ summary: z.string().optional() });
const waitQuerySchema = waitConditionSchema.extend({
  timeoutMs: z.coerce.number().min(0).default(DEFAULT_WAIT_MS),
});
const changesSchema = z.record(z.string(), z.unknown());

/** The control API; not listening yet. It has a port of its own, so that it is there while the API is down. */
export function createControlServer(steering: Steering): Server {
  const app = new Hono().basePath('/control');
  routeLedger(app, steering.ledger);
  routeFaults(app, steering.rules);
  routeApi(app, steering);
  app.onError((error, c) => {
    const problems = error instanceof z.ZodError ? z.prettifyError(error) : undefined;
    const isTheirs = problems !== undefined || error instanceof SyntaxError;
    return c.json({ error: problems ?? error.message }, isTheirs ? 400 : 500);
  });
  const listener = getRequestListener(app.fetch);
  return createServer((req, res) => void listener(req, res));
}

function routeLedger(app: Hono, ledger: Ledger): void {
  app.get('/ledger', (c) => {
    const { summary, ...filter } = ledgerQuerySchema.parse(c.req.query());
    return c.json(summary === undefined ? ledger.entries(filter) : ledger.summary());
  });
  app.delete('/ledger', (c) => {
    ledger.clear();
    return c.json(ledger.summary());
  });
  /** Answers when all is reached or the time is over. */
  app.get('/wait', async (c) => {
    const { timeoutMs, ...condition } = waitQuerySchema.parse(c.req.query());
    const reached = await ledger.waitFor(condition, timeoutMs);
    return c.json({ reached, summary: ledger.summary() });
  });
}

function routeFaults(app: Hono, rules: RuleBook): void {
  app.get('/faults', (c) => c.json(rules.states()));
  app.put('/faults', async (c) => {
    rules.replace(rulesSchema.parse(await c.req.json()));
    return c.json(rules.states());
  });
  app.delete('/faults', (c) => {
    rules.replace([]);
    return c.json([]);
  });
}

function routeApi(app: Hono, { mode, settings, changeSettings, setCatalog }: Steering): void {
  app.get('/mode', (c) => c.json(mode.state()));
  app.put('/mode', async (c) => {
    await mode.set(modeChangeSchema.parse(await c.req.json()));
    return c.json(mode.state());
  });
  app.get('/settings', (c) => c.json(settings()));
  app.put('/settings', async (c) => {
    const changes = changesSchema.parse(await c.req.json());
    changeSettings(settingsSchema.parse({ ...settings(), ...changes }));
    return c.json(settings());
  });
  app.put('/catalog', async (c) => {
    setCatalog(await c.req.text());
    return c.json({ success: true });
  });
}
