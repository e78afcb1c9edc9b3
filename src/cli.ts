#!/usr/bin/env node
import { inspect } from 'node:util';
import { Command } from 'commander';
import { registerEnqueue } from './cli/enqueue.ts';
import { ConexxusSyncError } from './errors.ts';
import { VERSION } from './version.ts';

const SUBCOMMANDS = [registerEnqueue];

const program = new Command('conexxus-sync')
  .description('Gets every sale to the Conexxus back office, and its catalog to the store.')
  .version(VERSION);
for (const register of SUBCOMMANDS) register(program);

try {
  await program.parseAsync();
} catch (error) {
  // Ours say what to do about it. Of any other the stack is what helps.
  const text = error instanceof ConexxusSyncError ? error.message : inspect(error);
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}
