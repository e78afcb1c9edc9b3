import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A temporary folder, and at most one server process that lives in it, which both end with this
 * process, however it ends: also by SIGKILL, where no handler of ours would run.
 */
export interface GuardedFolder {
  readonly path: string;
  /** The server to end with us; undefined once it is gone, since its id may be another process's then. */
  guard(pid: number | undefined): void;
  /** Ends the server if there is one, then removes the folder. */
  remove(): Promise<void>;
}

// Its standard input is a pipe whose other end only we hold, so it reads the end of it when we are
// gone. SIGINT is what Redis, Postgres and Node all take as: stop at once and in good order.
const GUARDIAN = `
pid=0
while read -r line; do pid=$line; done
if [ "$pid" -gt 0 ]; then
  kill -INT "$pid"
  tries=0
  while kill -0 "$pid" && [ "$tries" -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -KILL "$pid"
fi
rm -rf -- "$1"
`;

export function createGuardedFolder(name: string): GuardedFolder {
  // Of root's servers some run as another user, to whom root's own TMPDIR may be closed.
  const base = process.getuid?.() === 0 ? '/tmp' : tmpdir();
  const path = mkdtempSync(join(base, `conexxus-sync-${name}-`));
  // A session of its own: Ctrl-C in the terminal is for us, who may still need the server to end well.
  const guardian = spawn('/bin/sh', ['-c', GUARDIAN, 'guardian', path], {
    detached: true,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const gone = once(guardian, 'exit');
  // Neither keeps this process from ending: its end is what the guardian waits for.
  guardian.unref();
  if (guardian.stdin instanceof Socket) guardian.stdin.unref();
  guardian.stdin.on('error', () => {
    // Somebody killed the guardian: nothing is left to tell.
  });
  return {
    path,
    guard: (pid) => {
      guardian.stdin.write(`${pid ?? 0}\n`);
    },
    remove: async () => {
      guardian.ref();
      guardian.stdin.end();
      await gone;
    },
  };
}
