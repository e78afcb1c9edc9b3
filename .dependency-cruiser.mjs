// The way imports point (README, "Where things live"): processes -> ops, cli, intake -> sales -> outbox -> sync -> the
// five domain folders, which know neither each other nor sync; -> base, which knows nobody above it.
const DOMAIN = ['circuit', 'conexxus', 'events', 'inventory', 'tokens'];
const PROCESSES = '^src/(worker|dashboard|relay|intake|cli|index)\\.ts$';
const BASE = '^src/base/';

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'base-knows-nobody',
      severity: 'error',
      from: { path: BASE },
      to: { path: '^src/', pathNot: BASE },
    },
    ...DOMAIN.map((folder) => ({
      name: `${folder}-stands-alone`,
      severity: 'error',
      from: { path: `^src/${folder}/` },
      to: {
        path: '^src/',
        pathNot: [
          `^src/${folder}/`,
          '^src/base/(errors|redis|database|migrations|postgres-errors|redaction|happenings|json-number|pause)\\.ts$',
        ],
      },
    })),
    {
      name: 'sync-knows-no-process',
      severity: 'error',
      from: { path: '^src/sync/' },
      to: { path: ['^src/(ops|cli|intake|sales|base/config)/', PROCESSES] },
    },
    {
      name: 'outbox-knows-no-process',
      severity: 'error',
      from: { path: '^src/outbox/' },
      to: { path: ['^src/(ops|cli|intake|sales|base/config)/', PROCESSES] },
    },
    {
      name: 'schedules-know-no-process',
      severity: 'error',
      from: { path: '^src/schedules/' },
      to: { path: ['^src/(ops|cli|intake|base/config)/', PROCESSES] },
    },
    {
      name: 'sync-and-outbox-know-no-schedules',
      severity: 'error',
      from: { path: '^src/(sync|outbox)/' },
      to: { path: '^src/schedules/' },
    },
    {
      name: 'a-sale-s-way-tells-and-does-not-log',
      severity: 'error',
      from: { path: '^src/(sync|outbox)/' },
      to: { path: '^src/base/(logger|log-lines)\\.ts$' },
    },
    {
      name: 'sync-knows-no-outbox',
      severity: 'error',
      from: { path: '^src/sync/' },
      to: { path: '^src/outbox/' },
    },
    {
      name: 'sync-and-outbox-know-no-sales',
      severity: 'error',
      from: { path: '^src/(sync|outbox)/' },
      to: { path: '^src/sales/' },
    },
    {
      name: 'sales-know-no-process',
      severity: 'error',
      from: { path: '^src/sales/' },
      to: { path: ['^src/(ops|cli|intake|base/config)/', PROCESSES] },
    },
    {
      name: 'ops-cli-and-intake-know-no-process',
      severity: 'error',
      from: { path: '^src/(ops|cli|intake)/' },
      to: { path: PROCESSES },
    },
    {
      name: 'intake-knows-neither-ops-nor-cli',
      severity: 'error',
      from: { path: '^src/intake/' },
      to: { path: '^src/(ops|cli|base/config)/' },
    },
    {
      name: 'ops-and-cli-know-no-intake',
      severity: 'error',
      from: { path: '^src/(ops|cli)/' },
      to: { path: '^src/intake/' },
    },
    {
      name: 'only-the-dashboard-alerts',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(ops/|dashboard\\.ts$|cli/alerts\\.ts$)' },
      to: { path: '^src/ops/alerts/' },
    },
    {
      name: 'pos-imports-neither-postgres-nor-http-server',
      severity: 'error',
      from: { path: '^src/index\\.ts$' },
      to: { path: 'node_modules/(postgres|drizzle-orm|hono|@hono|@bull-board|got)/', reachable: true },
    },
    {
      name: 'door-of-the-outbox-imports-no-driver-nor-queue-nor-http-server',
      severity: 'error',
      from: { path: '^src/outbox/enqueue\\.ts$' },
      to: { path: 'node_modules/(postgres|bullmq|hono|@hono|@bull-board|got)/', reachable: true },
    },
    {
      name: 'product-knows-no-test',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|scripts)/' },
    },
    {
      name: 'no-dev-dependency-in-product',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    parser: 'swc',
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
