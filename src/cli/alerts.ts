import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { loadConfig, secretsOf } from '../base/config/config.ts';
import { ConexxusSyncError } from '../base/errors.ts';
import { createRedactor } from '../base/redaction.ts';
import { looseMessage } from '../ops/alerts/messages.ts';
import { createSender } from '../ops/alerts/sender.ts';

class NoWebhookError extends ConexxusSyncError {
  readonly code = 'ALERTS_NOT_CONFIGURED';
  override readonly isClean = true;
}

class AlertRefusedError extends ConexxusSyncError {
  readonly code = 'ALERT_NOT_SENT';
  override readonly isClean = true;
}

const TIMEOUT_MS = 8_000;

export function registerAlerts(program: Command): void {
  program
    .command('alerts')
    .description('what is told by ALERT_WEBHOOK_URL')
    .command('test')
    .description('send one message and say what came back')
    .action(sendTest);
}

async function sendTest(): Promise<void> {
  const { namespace, alerts } = loadConfig('alerts');
  const { webhookUrl: url, webhookSecret: secret } = alerts;
  if (url === undefined) {
    throw new NoWebhookError('ALERT_WEBHOOK_URL is not configured: set it to where alerts are to be posted.');
  }
  const sender = createSender({ url, secret, timeoutMs: TIMEOUT_MS, redact: createRedactor(secretsOf()) });
  const text = `A test: alerts of this installation come here. Sent from ${hostname()}. Nothing is wrong.`;
  const sent = await sender.send(
    looseMessage(randomUUID(), 'conexxus.alert.test', namespace, text, { alert: 'test' }),
  );
  if (!sent.ok) {
    throw new AlertRefusedError(
      `The message could not be sent (${sent.reason}): is ALERT_WEBHOOK_URL right, and the receiver there?`,
    );
  }
  const { status, durationMs, answer } = sent;
  const signed = secret === undefined ? 'not signed' : 'signed';
  console.log(`Sent, ${signed}: HTTP ${status} in ${durationMs} ms${answer === '' ? '' : `, ${answer}`}`);
}
