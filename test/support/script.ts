import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

export interface Script {
  readonly pid: number;
  /** Resolves once stdout holds the text; rejects if the process ends without. */
  until(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<Ended>;
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const packageRoot = fileURLToPath(new URL('../..', import.meta.url));

/** A TypeScript module in a process of its own, at the top of the package; `env` is all it gets but PATH. */
export function startScript(source: string, env: NodeJS.ProcessEnv = {}): Script {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', inOnePiece(source)], {
    cwd: packageRoot,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  const ended = once(child, 'close').then(() => ({
    code: child.exitCode,
    signal: child.signalCode,
    ...output,
  }));
  async function until(text: string): Promise<void> {
    while (!output.stdout.includes(text)) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`ended: ${output.stderr}`);
      await Promise.race([once(child.stdout, 'data'), ended]);
    }
  }
  return { pid: child.pid ?? 0, until, kill: (signal) => child.kill(signal), ended };
}

/** With the sources that it imports; what they need of packages, this one among them, Node finds as ever. */
function inOnePiece(source: string): string {
  const { outputFiles } = buildSync({
    stdin: { contents: source, loader: 'ts', resolveDir: packageRoot },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    tsconfigRaw: {},
  });
  return outputFiles.map(({ text }) => text).join('');
}
