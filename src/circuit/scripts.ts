import { readFileSync } from 'node:fs';
import type { CircuitOptions } from './options.ts';

/** The scripts, each one decision. Their contracts head the files in lua/. */
export type CircuitScript = 'acquire' | 'record' | 'health' | 'operate' | 'status';

/**
 * The text of a script: the options as a Lua table, the window, the trip rule, the machine, and then
 * what is decided. Constants in the text cost nothing per call; as arguments they would be parsed by
 * every one.
 */
export function circuitScript(name: CircuitScript, options: CircuitOptions, channel: string): string {
  return machineScript(options, channel) + readLua(name);
}

/** The machine alone, for a script elsewhere that decides on its picture (the gate). */
export function machineScript(options: CircuitOptions, channel: string): string {
  const fields = Object.entries(options).map(([name, value]) => `${name} = ${value}`);
  const table = `local OPTIONS = { channel = '${channel}', ${fields.join(', ')} }\n`;
  return table + ['window', 'rules', 'machine'].map(readLua).join('\n');
}

function readLua(name: string): string {
  return `${readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8')}\n`;
}
