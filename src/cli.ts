#!/usr/bin/env node
import { Command } from 'commander';
import { secretsOf } from './base/config/config.ts';
import { runProcess } from './base/lifecycle.ts';
import { createRedactor } from './base/redaction.ts';
import { keepHeapSmall } from './base/small-heap.ts';
import { VERSION } from './base/version.ts';

/** Each loads what it needs alone: nobody waits for Postgres' driver to enqueue a sale. */
const COMMANDS: Readonly<Record<string, (program: Command) => Promise<void>>> = {
  async enqueue(program) {
    keepHeapSmall();
    (await import('./cli/enqueue.ts')).registerEnqueue(program);
  },
  async circuit(program) {
    (await import('./cli/circuit.ts')).registerCircuit(program);
  },
  async workers(program) {
    (await import('./cli/workers.ts')).registerWorkers(program);
  },
  async 'dead-letters'(program) {
    (await import('./cli/dead-letters.ts')).registerDeadLetters(program);
  },
  async resend(program) {
    (await import('./cli/resend.ts')).registerResend(program);
  },
  async sales(program) {
    (await import('./cli/sales.ts')).registerSales(program);
  },
  async events(program) {
    (await import('./cli/events.ts')).registerEvents(program);
  },
  async tokens(program) {
    (await import('./cli/tokens.ts')).registerTokens(program);
  },
  async outbox(program) {
    (await import('./cli/outbox.ts')).registerOutbox(program);
  },
  async books(program) {
    (await import('./cli/books.ts')).registerBooks(program);
  },
  async schedules(program) {
    (await import('./cli/schedules.ts')).registerSchedules(program);
  },
  async alerts(program) {
    (await import('./cli/alerts.ts')).registerAlerts(program);
  },
  async migrate(program) {
    (await import('./cli/migrate.ts')).registerMigrate(program);
  },
  async doctor(program) {
    (await import('./cli/doctor.ts')).registerDoctor(program);
  },
};

const program = new Command('conexxus-sync')
  .description('Gets every sale to the Conexxus back office, and its catalog to the store.')
  .version(VERSION);

/** The one that is asked for, else all, for the help. */
async function register(name: string): Promise<void> {
  const one = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  for (const command of one === undefined ? Object.values(COMMANDS) : [one]) await command(program);
}

// `… list | head`: whoever reads has seen enough.
process.stdout.on('error', (error) => {
  if (!('code' in error) || error.code !== 'EPIPE') throw error;
  process.exit();
});

await runProcess(async () => {
  await register(process.argv[2] ?? '');
  await program.parseAsync();
}, createRedactor(secretsOf()));
