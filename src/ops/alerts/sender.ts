import { got } from 'got';
import { Webhook } from 'standardwebhooks';
import { errorMessage } from '../../base/errors.ts';
import { type Redactor, redactData } from '../../base/redaction.ts';
import { VERSION } from '../../base/version.ts';
import { parseRetryAfter } from '../../conexxus/retry-after.ts';
import type { Message } from './messages.ts';

/** What became of a message. Never holds the address it went to. */
type Sent =
  | { readonly ok: true; readonly status: number; readonly durationMs: number; readonly answer: string }
  | {
      readonly ok: false;
      readonly reason: string;
      /** The receiver refuses this message, and not all. */
      readonly isRefused: boolean;
      readonly retryAfterMs: number;
    };

export interface Sender {
  /** One try. Never rejects. */
  send(message: Message): Promise<Sent>;
}

interface SenderDeps {
  readonly url: string;
  /** `whsec_…`; absent: nothing is signed. */
  readonly secret: string | undefined;
  readonly timeoutMs: number;
  readonly redact: Redactor;
}

const ANSWER_SHOWN = 200;
const ANSWER_MAX_BYTES = 64 * 1024;
/** Of 4xx, those that say nothing about the message. */
const NOT_THE_MESSAGE = new Set([401, 403, 404, 408, 410, 425, 429]);

export const HTTP = got.extend({
  headers: { 'user-agent': `conexxus-sync/${VERSION}` },
  // The next try is the sender's, and a redirect would carry the message to somebody else.
  retry: { limit: 0 },
  followRedirect: false,
  throwHttpErrors: false,
  https: { rejectUnauthorized: true },
});

export function createSender({ url, secret, timeoutMs, redact }: SenderDeps): Sender {
  const signer = secret === undefined ? undefined : new Webhook(secret);
  const shown = (text: string) => redact(text).slice(0, ANSWER_SHOWN).replace(/\s+/g, ' ').trim();
  return {
    async send({ id, body }) {
      const json = JSON.stringify(redactData(body, redact));
      const now = new Date();
      const startedAt = performance.now();
      const headers = {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
        ...(signer && { 'webhook-signature': signer.sign(id, now, json) }),
      };
      try {
        const tooLong = new AbortController();
        const posting = HTTP.post(url, {
          body: json,
          headers,
          timeout: { request: timeoutMs },
          signal: tooLong.signal,
        });
        const answer = await posting.on('downloadProgress', ({ transferred }) => {
          if (transferred > ANSWER_MAX_BYTES) tooLong.abort();
        });
        const { statusCode: status } = answer;
        if (status >= 200 && status < 300) {
          const durationMs = Math.round(performance.now() - startedAt);
          return { ok: true, status, durationMs, answer: shown(answer.body) };
        }
        return {
          ok: false,
          reason: `HTTP ${status} ${shown(answer.body)}`.trim(),
          isRefused: status >= 400 && status < 500 && !NOT_THE_MESSAGE.has(status),
          retryAfterMs: parseRetryAfter(answer.headers, now.getTime()) ?? 0,
        };
      } catch (error) {
        return { ok: false, reason: shown(errorMessage(error)), isRefused: false, retryAfterMs: 0 };
      }
    },
  };
}
