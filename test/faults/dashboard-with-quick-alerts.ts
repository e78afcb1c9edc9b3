/** The built dashboard, with the options of alerts that ALERT_OPTIONS has as JSON: what takes minutes takes seconds. */
const options: { ALERT_DEFAULTS: object } = await import(
  new URL('../../dist/ops/alerts/options.js', import.meta.url).href
);
Object.assign(options.ALERT_DEFAULTS, JSON.parse(process.env['ALERT_OPTIONS'] ?? '{}'));
await import(new URL('../../dist/dashboard.js', import.meta.url).href);
