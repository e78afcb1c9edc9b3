import { readFileSync } from 'node:fs';

/** One situation of the README's runbook: its text, and what is typed in it, block by block. */
export interface Situation {
  readonly title: string;
  readonly blocks: readonly (readonly Typed[])[];
  /** What its text says that a log says. */
  readonly quoted: readonly string[];
  /** What its text says of metrics. */
  readonly compared: readonly { readonly series: string; readonly holds: (value: number) => boolean }[];
}

/** A command as printed, and the lines that the README shows of what it says. */
export interface Typed {
  readonly command: string;
  readonly exitCode: number;
  readonly shown: readonly string[];
}

const FENCE = /^```(.*)\n([\s\S]*?)^```$/gm;
/** Where a command is that nobody runs. */
const UNTESTED = [/^\s*(?:```|~~~).*$/m, /`(?:node|npm|npx|curl|psql|redis-cli|docker) [^`]*`/] as const;
const COMPARED = /`(conexxus_sync_\w+(?:\{[^}]*\})?) (==|>) (\d+)`/g;

/** Of the README. */
export function readRunbook(): Situation[] {
  return parseRunbook(readFileSync(new URL('../../../README.md', import.meta.url), 'utf8'));
}

/** @throws Error where a command would go untested. */
export function parseRunbook(readme: string): Situation[] {
  const [, section = ''] = readme.split('\n## Runbook\n');
  const [preface = '', ...parts] = (section.split('\n## ')[0] ?? '').split('\n### ');
  expectNoCommands(preface);
  return parts.map(situationOf);
}

function situationOf(part: string): Situation {
  const [title = '', ...rest] = part.split('\n');
  const blocks: Typed[][] = [];
  const text = rest.join('\n').replaceAll(FENCE, (fence: string, language: string, body: string) => {
    if (language !== 'console') return fence;
    blocks.push(typedIn(body));
    return '';
  });
  expectNoCommands(text);
  const prose = text.replaceAll(/\s+/g, ' ');
  const quoted = [...prose.replaceAll(/`[^`]*`/g, '').matchAll(/"([^"]+)"/g)];
  const compared = [...prose.matchAll(COMPARED)].map(([, series = '', is, number]) => ({
    series,
    holds: (value: number) => (is === '>' ? value > Number(number) : value === Number(number)),
  }));
  return { title, blocks, quoted: quoted.map(([, words = '']) => words), compared };
}

function expectNoCommands(text: string): void {
  const untested = UNTESTED.map((command) => command.exec(text)?.[0]).find((found) => found !== undefined);
  if (untested !== undefined) throw new Error(`Only what is in a console block is run: ${untested}`);
}

function typedIn(block: string): Typed[] {
  const [before, ...typed] = block.split(/^\$ /m);
  if (before !== '') throw new Error(`Nobody typed this: ${before}`);
  return typed.map((text) => {
    const [line = '', ...shown] = text.trimEnd().split('\n');
    const [, command = '', exitCode = '0'] = /^(.*?)(?:\s+# exit code (\d+))?$/.exec(line) ?? [];
    if (shown.length === 0) throw new Error(`The runbook shows nothing of what this says: ${command}`);
    return { command, exitCode: Number(exitCode), shown };
  });
}
