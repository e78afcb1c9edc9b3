import { readFileSync } from 'node:fs';

/**
 * The built worker, which measures how long its event loop is at work without a turn; SIGUSR2 has it log the longest
 * time, in ms, and begin anew. By the processor time of its thread: what others do on this machine is not its own.
 * Plain JavaScript: what compiles TypeScript on the way would read the maps of all sources, 150 MB of them.
 */
const BEAT_MS = 5;
const NS_PER_MS = 1e6;

let longestMs = 0;
let lastMs = atWorkMs();
setInterval(() => {
  const nowMs = atWorkMs();
  longestMs = Math.max(longestMs, nowMs - lastMs);
  lastMs = nowMs;
}, BEAT_MS).unref();

process.on('SIGUSR2', () => {
  process.stdout.write(`${JSON.stringify({ level: 30, msg: 'event loop', longestMs })}\n`);
  longestMs = 0;
});

function atWorkMs() {
  const [onProcessor] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ');
  return Number(onProcessor) / NS_PER_MS;
}

await import('../../dist/worker.js');
