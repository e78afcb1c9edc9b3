import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { createRedactor } from '../../../src/base/redaction.ts';
import { looseMessage } from '../../../src/ops/alerts/messages.ts';
import { createOutbound } from '../../../src/ops/alerts/outbound.ts';
import { createSender } from '../../../src/ops/alerts/sender.ts';
import { type AlertReceiver, startAlertReceiver } from '../../support/alert-receiver.ts';
import { eventually } from '../../support/eventually.ts';

let receiver: AlertReceiver;
const SECRET_WORD = 'canary-password';
const message = (id: string, text = 'Something is wrong.') =>
  looseMessage(id, 'conexxus.alert.test', 'shop', text, { alert: 'test' });

beforeEach(async () => {
  receiver = await startAlertReceiver();
});
afterEach(() => receiver.stop());

const sender = (timeoutMs = 2_000, url = receiver.url) =>
  createSender({ url, secret: receiver.secret, timeoutMs, redact: createRedactor([SECRET_WORD, url]) });

describe('a try to send', () => {
  it('is signed after Standard Webhooks, names its id, and shows no secret', async () => {
    const sent = await sender().send(message('m-1', `It says ${SECRET_WORD}.`));
    expect(sent).toEqual({ ok: true, status: 200, durationMs: expect.any(Number), answer: 'ok' });
    const [taken] = receiver.taken;
    expect(taken?.headers).toMatchObject({
      'webhook-id': 'm-1',
      'webhook-timestamp': expect.stringMatching(/^\d{10}$/),
      'webhook-signature': expect.stringMatching(/^v1,/),
      'content-type': 'application/json',
    });
    expect(taken?.text).toBe('[shop] It says [redacted].');
    expect(taken?.data).toEqual({ namespace: 'shop', alert: 'test' });
  });

  it.each([
    [503, {}, { isRefused: false, retryAfterMs: 0 }],
    [429, { 'retry-after': '7' }, { isRefused: false, retryAfterMs: 7_000 }],
    [400, {}, { isRefused: true, retryAfterMs: 0 }],
    [404, {}, { isRefused: false, retryAfterMs: 0 }],
    [302, { location: 'http://127.0.0.1:1/' }, { isRefused: false, retryAfterMs: 0 }],
  ])('that is answered %d says so', async (status, headers, expected) => {
    receiver.answer({ status, headers });
    expect(await sender().send(message('m-1'))).toEqual({
      ok: false,
      reason: `HTTP ${status} no`,
      ...expected,
    });
    expect(receiver.calls()).toBe(1);
  });

  it('ends in time where nobody answers, or nobody is there, without the address', async () => {
    receiver.answer('hang');
    const hung = await sender(100).send(message('m-1'));
    expect(hung).toMatchObject({ ok: false, reason: expect.stringMatching(/timeout/i) });
    const gone = await sender(2_000, 'http://127.0.0.1:1/hooks/canary-hook').send(message('m-1'));
    expect(gone).toMatchObject({ ok: false, reason: expect.stringMatching(/ECONNREFUSED/) });
    expect(JSON.stringify([hung, gone])).not.toContain('canary-hook');
  });
});

describe('tries', () => {
  const outbound = () =>
    createOutbound({
      sender: sender(),
      options: { retryMs: 100, retryMaxMs: 400 },
      logger: pino({ level: 'silent' }),
    });

  it('wait for all where the receiver is away, longer each time, or as long as it asks', async () => {
    const out = outbound();
    receiver.answer({ status: 503 });
    expect(await out.send(message('m-1'), 0)).toBe('failed');
    expect(await out.send(message('m-2'), 0)).toBe('later');
    await eventually(async () => expect(await out.send(message('m-2'), 0)).toBe('failed'), 1_000);
    expect(receiver.calls()).toBe(2);
    receiver.answer({ status: 429, headers: { 'retry-after': '1' } });
    await eventually(async () => expect(await out.send(message('m-1'), 0)).toBe('failed'), 1_000);
    receiver.answer({ status: 200 });
    const askedAt = performance.now();
    await eventually(async () => expect(await out.send(message('m-1'), 0)).toBe('sent'), 5_000);
    expect(performance.now() - askedAt).toBeGreaterThan(900);
    expect(await out.send(message('m-2'), 0)).toBe('sent');
  });

  it('of a message that is refused do not keep the next one', async () => {
    const out = outbound();
    receiver.answer({ status: 400 });
    expect(await out.send(message('m-1'), 0)).toBe('failed');
    receiver.answer({ status: 200 });
    expect(await out.send(message('m-1'), 1)).toBe('later');
    expect(await out.send(message('m-2'), 0)).toBe('sent');
    await eventually(async () => expect(await out.send(message('m-1'), 1)).toBe('sent'), 1_000);
  });
});
