import type { Logger } from '../../base/logger.ts';
import type { Message } from './messages.ts';
import type { AlertOptions } from './options.ts';
import type { Sender } from './sender.ts';

/** `sent`; `failed`: tried in vain; `later`: not tried, since it is not time yet. */
type Outcome = 'sent' | 'failed' | 'later';

/** Sends messages, and knows when the next try of each is due. What it knows of that goes with its process. */
export interface Outbound {
  /** `tries`: in vain before this one, by whomever. */
  send(message: Message, tries: number): Promise<Outcome>;
}

interface OutboundDeps {
  readonly sender: Sender;
  readonly options: Pick<AlertOptions, 'retryMs' | 'retryMaxMs'>;
  readonly logger: Logger;
}

/** Beyond it, the delay has long been the longest. */
const DOUBLINGS_MAX = 30;

export function createOutbound({ sender, options: { retryMs, retryMaxMs }, logger }: OutboundDeps): Outbound {
  // A receiver that is away is away for all; one that refuses a message may take the next.
  let allHeldUntil = 0;
  let failures = 0;
  const heldUntil = new Map<string, number>();

  return {
    async send(message, tries) {
      const now = performance.now();
      if (now < Math.max(allHeldUntil, heldUntil.get(message.id) ?? 0)) return 'later';
      const result = await sender.send(message);
      if (result.ok) {
        failures = 0;
        heldUntil.delete(message.id);
        logger.info({ alert: message.body.data, status: result.status }, 'alert sent');
        return 'sent';
      }
      const { reason, isRefused, retryAfterMs } = result;
      const times = isRefused ? tries : failures;
      const delayMs = Math.max(
        retryAfterMs,
        Math.min(retryMaxMs, retryMs * 2 ** Math.min(times, DOUBLINGS_MAX)),
      );
      if (isRefused) heldUntil.set(message.id, performance.now() + delayMs);
      else {
        failures += 1;
        allHeldUntil = performance.now() + delayMs;
      }
      logger.warn(
        { alert: message.body.data, reason, nextTryMs: delayMs },
        'alert could not be sent; will try again',
      );
      return 'failed';
    },
  };
}
