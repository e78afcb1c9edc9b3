/**
 * Where a worker process kills itself with SIGKILL, at the first chance:
 * `before-call`: permitted, the request not sent; `before-record`: the answer is in, nothing recorded;
 * `after-record`: recorded, BullMQ knows nothing of it; `before-pause`: its `record` has opened the
 * circuit, and it has not paused the queue.
 */
export type CrashPoint = 'before-call' | 'before-record' | 'after-record' | 'before-pause';

/** What `Stand.startWorker` takes: a real worker that dies there. `stand.startWorker(...crashAt('before-call'))` */
export function crashAt(
  point: CrashPoint,
  env: Readonly<Record<string, string>> = {},
): [env: Record<string, string>, entry: string] {
  return [{ ...env, CRASH_AT: point }, 'test/support/crash/worker.ts'];
}
