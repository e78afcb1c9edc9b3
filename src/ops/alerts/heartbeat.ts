import { errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { HTTP } from './sender.ts';

interface HeartbeatDeps {
  readonly url: string;
  readonly everyMs: number;
  readonly timeoutMs: number;
  readonly logger: Logger;
}

/** Calls the URL where it is time to; nobody waits for it. Whoever watches it misses it, whatever the reason. */
export function createHeartbeat({ url, everyMs, timeoutMs, logger }: HeartbeatDeps): () => void {
  let nextAt = Number.NEGATIVE_INFINITY;
  async function call(): Promise<void> {
    try {
      const { statusCode } = await HTTP.get(url, { timeout: { request: timeoutMs } });
      if (statusCode >= 300) logger.warn({ status: statusCode }, 'the heartbeat was refused');
    } catch (error) {
      logger.warn({ reason: errorMessage(error) }, 'the heartbeat could not be sent');
    }
  }
  return () => {
    if (performance.now() < nextAt) return;
    nextAt = performance.now() + everyMs;
    void call();
  };
}
