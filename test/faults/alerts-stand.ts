import type { AlertOptions } from '../../src/ops/alerts/options.ts';
import type { AlertReceiver } from '../support/alert-receiver.ts';
import { type RunningProcess, startProcess } from '../support/process.ts';

/** A dashboard that tells within seconds what takes minutes otherwise. */
const QUICK: Partial<AlertOptions> = {
  everyMs: 250,
  settleMs: 3_000,
  deadSettleMs: 5_000,
  gatherMs: 1_000,
  noWorkerMs: 2_000,
  stallMs: 1_000,
  relaySilentMs: 3_000,
  redisAwayMs: 1_500,
  postgresAwayMs: 1_500,
  catalogEveryMs: 500,
  leaseMs: 3_000,
  sendTimeoutMs: 1_000,
  retryMs: 200,
  retryMaxMs: 1_000,
  heartbeatEveryMs: 500,
};

export interface AlertingDashboard {
  readonly process: RunningProcess;
  /** `GET /` */
  readonly page: () => Promise<string>;
}

export async function startAlertingDashboard(
  env: Readonly<Record<string, string>>,
  receiver: Pick<AlertReceiver, 'url' | 'secret'>,
  options: Partial<AlertOptions> = {},
): Promise<AlertingDashboard> {
  const process = startProcess('test/faults/dashboard-with-quick-alerts.ts', {
    ...env,
    DASHBOARD_PORT: '0',
    ALERT_WEBHOOK_URL: receiver.url,
    ALERT_WEBHOOK_SECRET: receiver.secret,
    ALERT_OPTIONS: JSON.stringify({ ...QUICK, ...options }),
  });
  const { port } = await process.waitForLog('dashboard is up', 60_000);
  return {
    process,
    page: async () => (await fetch(`http://127.0.0.1:${String(port)}/`)).text(),
  };
}
