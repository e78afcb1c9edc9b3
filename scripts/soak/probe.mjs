// Loaded into each worker before its own code (`node --import`): tells the soak, over the channel that the
// process was started with, how much memory it holds and how long its event loop let timers wait.
import { monitorEventLoopDelay } from 'node:perf_hooks';

const INTERVAL_MS = 2_000;
const RESOLUTION_MS = 10;
const NS_PER_MS = 1e6;

const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();
setInterval(() => {
  // The histogram holds whole intervals; what is beyond the resolution is delay.
  const delayMs = Math.max(0, delay.max / NS_PER_MS - RESOLUTION_MS);
  const typicalMs = Math.max(0, delay.percentile(50) / NS_PER_MS - RESOLUTION_MS);
  delay.reset();
  if (process.connected) process.send?.({ rss: process.memoryUsage.rss(), typicalMs, delayMs });
}, INTERVAL_MS).unref();

// A soak that was killed must leave no worker behind.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.channel?.unref();
