import { expect } from '@jest/globals';
import { eventually } from '../eventually.ts';
import { type RunningProcess, startCommand } from '../process.ts';
import type { Typed } from './readme.ts';

/** Runs what is typed, and has the README's example names stand for what there is. */
export interface Typist {
  /** Expects the exit code and the lines; what only looks may look again. */
  expectTyped(typed: Typed): Promise<void>;
  /** Ends what was started and goes on. */
  stop(): Promise<void>;
}

/** These end by Ctrl-C. */
const GOES_ON = /circuit watch|--follow|npm run/;
/** What a person does once, with the reason; the rest only looks. */
const ACTS = /--reason|npm run/;
const LOOKS_MS = 20_000;

export function createTypist(
  env: Readonly<Record<string, string>>,
  examples: Readonly<Record<string, string>>,
): Typist {
  const real = new Map(Object.entries(examples));
  const started: RunningProcess[] = [];
  const named = (text: string) => [...real].reduce((so, [name, is]) => so.replaceAll(name, is), text);

  async function once({ command, exitCode, shown }: Typed): Promise<void> {
    const running = startCommand('sh', ['-c', `exec ${named(command)}`], env);
    if (GOES_ON.test(command)) {
      started.push(running);
      await eventually(() => learn(shown, linesOf(running)), LOOKS_MS);
      if (!ACTS.test(command)) {
        running.signal('SIGINT');
        expect(await running.exited).toEqual({ code: exitCode, signal: null });
      }
      return;
    }
    const { code } = await running.exited;
    learn(shown, linesOf(running));
    expect({ command, code }).toEqual({ command, code: exitCode });
  }

  function learn(shown: readonly string[], said: readonly string[]): void {
    for (const line of shown) {
      const [pattern, example] = patternOf(named(line));
      expect(said).toContainEqual(expect.stringMatching(pattern));
      const is = said.map((text) => pattern.exec(text)?.[1]).find((found) => found !== undefined);
      if (example !== undefined && is !== undefined) real.set(example, is);
    }
  }

  return {
    expectTyped: (typed) =>
      ACTS.test(typed.command) ? once(typed) : eventually(() => once(typed), LOOKS_MS),
    async stop() {
      await Promise.all(started.splice(0).map((each) => each.stop()));
    },
  };
}

function linesOf(running: RunningProcess): string[] {
  const out = running.logs.map(({ msg, ...more }) =>
    msg !== undefined && Object.keys(more).length === 0 ? msg : JSON.stringify({ ...more, msg }),
  );
  return [...out, ...running.stderr().split('\n')].map(trimmed);
}

const trimmed = (line: string) => line.trim().replaceAll(/\s+/g, ' ');

/**
 * `…` is anything; times and how long ago are any; the key of a group of dead letters is an example, to be learned.
 */
function patternOf(line: string): [pattern: RegExp, example: string | undefined] {
  const example = /--group ([0-9a-f]{8})\b/.exec(line)?.[1];
  const source = trimmed(line)
    .replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll('…', '.*')
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g, String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`)
    .replaceAll(
      /(?:in )?\d+ (?:s|min|h|days)\b(?: ago)?/g,
      String.raw`(?:now|(?:in )?\d+ (?:s|min|h|days)(?: ago)?)`,
    )
    .replace(/--group [0-9a-f]{8}\b/, '--group ([0-9a-f]{8})');
  return [new RegExp(`^${source}$`), example];
}
