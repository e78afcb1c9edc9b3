import { ALERT_DEFAULTS } from '../../src/ops/alerts/options.ts';

/** The dashboard, with the options of alerts that ALERT_OPTIONS has as JSON: what takes minutes takes seconds. */
Object.assign(ALERT_DEFAULTS, JSON.parse(process.env['ALERT_OPTIONS'] ?? '{}'));
await import('../../src/dashboard.ts');
