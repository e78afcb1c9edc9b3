import { readFileSync } from 'node:fs';
import type { CircuitOptions } from './options.ts';

/** The scripts, each one decision. Their contracts head the files in lua/. */
export type CircuitScript = 'health' | 'bench' | 'operate' | 'status';
/** Those of each call: many at once, by `batchedScript`. */
export type CallScript = 'acquire' | 'record';

/** Where a script wants another text: as late as it can, for what it answers above needs none of it. */
const INCLUDE = /^-- @include (\w+)$/gm;

/**
 * The text of a script: the options as a Lua table, what all begin with, and what is decided. Constants in
 * the text cost nothing per call; as arguments they would be parsed by every one.
 */
export function circuitScript(name: CircuitScript, options: CircuitOptions, channel: string): string {
  return baseLua(options, channel) + decisionLua(name);
}

/** The same in its two parts, for a script that makes the decision many times at once. */
export function circuitBatch(name: CallScript, options: CircuitOptions, channel: string) {
  return { prelude: baseLua(options, channel) + readLua('calls'), step: decisionLua(name) };
}

function decisionLua(name: CircuitScript | CallScript): string {
  return readLua(name).replace(INCLUDE, (_line, part: string) => readLua(part));
}

/** The machine and the register alone, for a script elsewhere that decides on their picture (the gate). */
export function machineScript(options: CircuitOptions, channel: string): string {
  const parts = ['slice', 'window', 'machine', 'picture', 'workers', 'register'];
  return baseLua(options, channel) + parts.map(readLua).join('');
}

function baseLua(options: CircuitOptions, channel: string): string {
  const fields = Object.entries(options).map(([name, value]) => `${name} = ${value}`);
  return `local OPTIONS = { channel = '${channel}', ${fields.join(', ')} }\n${readLua('base')}`;
}

function readLua(name: string): string {
  return `${readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8')}\n`;
}
