#!/usr/bin/env node
import { Command } from 'commander';
import { secretsOf } from './base/config/config.ts';
import { runProcess } from './base/lifecycle.ts';
import { createRedactor } from './base/redaction.ts';
import { VERSION } from './base/version.ts';
import { registerCircuit } from './cli/circuit.ts';
import { registerDeadLetters } from './cli/dead-letters.ts';
import { registerDoctor } from './cli/doctor.ts';
import { registerEnqueue } from './cli/enqueue.ts';
import { registerMigrate } from './cli/migrate.ts';
import { registerResend } from './cli/resend.ts';
import { registerWorkers } from './cli/workers.ts';

const SUBCOMMANDS = [
  registerEnqueue,
  registerCircuit,
  registerWorkers,
  registerDeadLetters,
  registerResend,
  registerMigrate,
  registerDoctor,
];

const program = new Command('conexxus-sync')
  .description('Gets every sale to the Conexxus back office, and its catalog to the store.')
  .version(VERSION);
for (const register of SUBCOMMANDS) register(program);

// `… list | head`: whoever reads has seen enough.
process.stdout.on('error', (error) => {
  if (!('code' in error) || error.code !== 'EPIPE') throw error;
  process.exit();
});

await runProcess(async () => {
  await program.parseAsync();
}, createRedactor(secretsOf()));
