import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type AlertReceiver, startAlertReceiver } from '../support/alert-receiver.ts';
import { runCommand } from './command.ts';

let receiver: AlertReceiver;

beforeEach(async () => {
  receiver = await startAlertReceiver();
});
afterEach(() => receiver.stop());

const test = (env: NodeJS.ProcessEnv) => runCommand(['alerts', 'test'], env);
const configured = () => ({ ALERT_WEBHOOK_URL: receiver.url, ALERT_WEBHOOK_SECRET: receiver.secret });

describe('alerts test', () => {
  it('sends one message and says what came back', async () => {
    const { code, out, err } = await test({ ...configured(), SYNC_NAMESPACE: 'shop' });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^Sent, signed: HTTP 200 in \d+ ms, ok\n$/);
    expect(receiver.taken.map(({ type, text }) => [type, text])).toEqual([
      [
        'conexxus.alert.test',
        expect.stringMatching(/^\[shop\] A test: alerts of this installation come here\./),
      ],
    ]);
  });

  it('says that it is refused, or that nobody is there, without the address', async () => {
    receiver.answer({ status: 403 });
    const refused = await test(configured());
    expect(refused).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/could not be sent \(HTTP 403 no\)/),
    });
    const gone = await test({ ALERT_WEBHOOK_URL: 'http://127.0.0.1:1/hooks/canary-hook' });
    expect(gone).toMatchObject({ code: 1, err: expect.stringMatching(/could not be sent \(.*ECONNREFUSED/) });
    expect(gone.err).not.toContain('canary-hook');
  });

  it('says that it is not configured', async () => {
    expect(await test({})).toMatchObject({
      code: 1,
      err: 'ALERT_WEBHOOK_URL is not configured: set it to where alerts are to be posted.\n',
    });
  });
});
