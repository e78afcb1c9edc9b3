import convict from 'convict';
import { ConexxusSyncError } from '../errors.ts';
import { createRedactor } from '../redaction.ts';
import { readApiKeyFile } from './api-key.ts';
import {
  type Access,
  checkCircuit,
  checkPlainHttp,
  checkRetention,
  type Dashboard,
  readAccess,
  readDashboard,
} from './checks.ts';
import { convictFormats, isVariable, type Problem, type Report, type Variable } from './formats.ts';
import { secretsIn } from './secrets.ts';
import { SCHEMA, VARIABLES } from './settings.ts';

convict.addFormats(convictFormats());

const SERVICE = [
  'conexxus',
  'locationId',
  'namespace',
  'redisUrl',
  'databaseUrl',
  'circuit',
  'events',
  'logLevel',
] as const;

/** Which settings each command reads: what is wrong with any other is no concern of it. */
const PARTS = {
  worker: [...SERVICE, 'access', 'worker'],
  dashboard: [...SERVICE, 'dashboard', 'alerts', 'outboxDatabaseUrl'],
  alerts: ['namespace', 'alerts'],
  enqueue: ['locationId', 'namespace', 'redisUrl'],
  circuit: ['namespace', 'redisUrl', 'circuit', 'events'],
  deadLetters: ['namespace', 'redisUrl'],
  sales: ['namespace', 'redisUrl', 'circuit', 'events'],
  migrate: ['databaseUrl'],
  schedules: ['databaseUrl', 'locationId', 'schedules'],
  migrateOutbox: ['outboxDatabaseUrl'],
  relay: [
    'namespace',
    'redisUrl',
    'databaseUrl',
    'outboxDatabaseUrl',
    'outbox',
    'circuit',
    'events',
    'logLevel',
  ],
  intake: [
    'namespace',
    'redisUrl',
    'databaseUrl',
    'outboxDatabaseUrl',
    'outbox',
    'intake',
    'circuit',
    'events',
    'logLevel',
  ],
  tokens: ['databaseUrl'],
  outbox: ['namespace', 'redisUrl', 'outboxDatabaseUrl'],
  books: ['outboxDatabaseUrl'],
} as const satisfies Record<string, readonly (keyof Slices)[]>;

export type Part = keyof typeof PARTS;
export type PartConfig<P extends Part> = Readonly<Pick<Slices, (typeof PARTS)[P][number]>>;

type Settings = {
  [Group in keyof typeof SCHEMA]: (typeof SCHEMA)[Group] extends Variable<infer Value>
    ? Value
    : {
        [Name in keyof (typeof SCHEMA)[Group]]: (typeof SCHEMA)[Group][Name] extends Variable<infer Value>
          ? Value
          : never;
      };
};

export interface Slices extends Omit<Settings, 'access' | 'dashboard' | 'outboxDatabaseUrl'> {
  access: Access;
  dashboard: Dashboard;
  outboxDatabaseUrl: string;
}

/** All that is wrong with the environment, at once. No text of it holds a value. */
export class ConfigError extends ConexxusSyncError {
  readonly code = 'CONFIG_INVALID';
  override readonly isClean = true;
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/** @throws ConfigError */
export function loadConfig<P extends Part>(part: P, env: NodeJS.ProcessEnv = process.env): PartConfig<P> {
  const { slices, problems } = readSettings(PARTS[part], env);
  if (problems.length > 0 || !hasAll(slices, PARTS[part])) {
    throw new ConfigError(problems.map(({ text }) => text));
  }
  return slices;
}

function hasAll<Group extends keyof Slices>(
  slices: Partial<Slices>,
  groups: readonly Group[],
): slices is Partial<Slices> & Pick<Slices, Group> {
  return groups.every((group) => group in slices);
}

/**
 * Every secret that the environment holds, for the redactor; those of other processes too, since
 * their texts meet in Redis and Postgres. Never throws.
 */
export function secretsOf(env: NodeJS.ProcessEnv = process.env): string[] {
  const given = present(env);
  const secrets = VARIABLES.flatMap(({ variable }) => secretsOfVariable(variable, given[variable.env] ?? ''));
  const path = apiKeyFileOf(env);
  return path === undefined ? secrets : [...secrets, ...keyInFile(path)];
}

/** What of a variable's value must be seen nowhere. A key or password that looks like an address is none. */
export function secretsOfVariable({ sensitive = false, format }: Variable, value: string): string[] {
  if (!sensitive || value === '') return [];
  return format === 'text' ? [value] : secretsIn(value);
}

/** For a process that needs no key and must show none; a worker has it in its configuration, checked. */
export function apiKeyFileOf(env: NodeJS.ProcessEnv = process.env): string | undefined {
  return present(env)['CONEXXUS_API_KEY_FILE'];
}

/** A file that cannot be read holds no secret to hide. */
function keyInFile(path: string): string[] {
  try {
    return [readApiKeyFile(path)];
  } catch {
    return [];
  }
}

/** What of the settings could be read, and what is wrong with them, in the order of the schema. */
export function readSettings(chosen: readonly string[], env: NodeJS.ProcessEnv) {
  const problems: Problem[] = [];
  const report: Report = (variable, text) => problems.push({ variable, text });
  // Where the outbox has no database of its own, it is in that of the event log.
  const inOurs = chosen.includes('outboxDatabaseUrl') && !present(env)['OUTBOX_DATABASE_URL'];
  const schema = Object.entries(SCHEMA)
    .filter(([setting]) => chosen.includes(setting) || (inOurs && setting === 'databaseUrl'))
    .map(([setting, node]) => [setting, reporting(node, report)]);
  const loaded = convict<Partial<Settings>>(Object.fromEntries(schema), {
    env: present(env),
    args: [],
  }).validate();
  const { access, dashboard, outboxDatabaseUrl: ofThePos, ...settings } = loaded.getProperties();
  const outboxDatabaseUrl = ofThePos ?? (inOurs ? settings.databaseUrl : undefined);
  if (settings.conexxus) checkPlainHttp(settings.conexxus, report);
  if (settings.circuit) checkCircuit(settings.circuit, report);
  if (settings.outbox && settings.circuit && settings.events) {
    checkRetention(settings.outbox, settings.circuit, settings.events, report);
  }
  const slices: Partial<Slices> = {
    ...settings,
    ...(outboxDatabaseUrl && { outboxDatabaseUrl }),
    ...(access && { access: readAccess(access, report, createRedactor(secretsOf(env))) }),
    ...(dashboard && { dashboard: readDashboard(dashboard, report) }),
  };
  const position = (problem: Problem) =>
    VARIABLES.findIndex(({ variable }) => variable.env === problem.variable);
  return { slices, problems: problems.sort((a, b) => position(a) - position(b)) };
}

/** The schema node with the reporter that its formats speak through. */
function reporting(node: object, report: Report): object {
  if (isVariable(node)) return { ...node, report };
  return Object.fromEntries(Object.entries(node).map(([name, variable]) => [name, { ...variable, report }]));
}

/** An empty variable is an unset one; a line end that an env file left on a value is no part of it. */
function present(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const trimmed = Object.entries(env).map(([name, value]) => [name, value?.trim()]);
  return Object.fromEntries(trimmed.filter(([, value]) => value));
}
