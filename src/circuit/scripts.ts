import { readFileSync } from 'node:fs';
import type { CircuitOptions } from './options.ts';

/** The scripts, each one decision. Their contracts head the files in lua/. */
export type CircuitScript = 'acquire' | 'record' | 'health' | 'operate' | 'status';

/** Where a script's text wants the machine: what it answers above this line needs none. */
const MACHINE = '-- @machine';

/**
 * The text of a script: the options as a Lua table, what all begin with, and what is decided, with the
 * machine in its place. Constants in the text cost nothing per call; as arguments they would be parsed
 * by every one.
 */
export function circuitScript(name: CircuitScript, options: CircuitOptions, channel: string): string {
  return baseLua(options, channel) + readLua(name).replace(MACHINE, machineLua);
}

/** The machine alone, for a script elsewhere that decides on its picture (the gate). */
export function machineScript(options: CircuitOptions, channel: string): string {
  return baseLua(options, channel) + machineLua();
}

function baseLua(options: CircuitOptions, channel: string): string {
  const fields = Object.entries(options).map(([name, value]) => `${name} = ${value}`);
  const table = `local OPTIONS = { channel = '${channel}', ${fields.join(', ')} }\n`;
  return table + readLua('base') + readLua('window');
}

function machineLua(): string {
  return readLua('rules') + readLua('machine');
}

function readLua(name: string): string {
  return `${readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8')}\n`;
}
