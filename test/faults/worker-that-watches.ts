import { readFileSync } from 'node:fs';
import { createLogger } from '../../src/base/logger.ts';

/**
 * The built worker, which measures how long its event loop is at work without a turn; SIGUSR2 has it log the longest
 * time, in ms, and begin anew. By the processor time of its thread: what others do on this machine is not its own.
 */
const BEAT_MS = 5;
const NS_PER_MS = 1e6;
const logger = createLogger({ level: 'info', redact: (text) => text, name: 'watch' });

let longestMs = 0;
let lastMs = atWorkMs();
setInterval(() => {
  const nowMs = atWorkMs();
  longestMs = Math.max(longestMs, nowMs - lastMs);
  lastMs = nowMs;
}, BEAT_MS).unref();

process.on('SIGUSR2', () => {
  logger.info({ longestMs }, 'event loop');
  longestMs = 0;
});

function atWorkMs(): number {
  const [onProcessor] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ');
  return Number(onProcessor) / NS_PER_MS;
}

await import(new URL('../../dist/worker.js', import.meta.url).href);
