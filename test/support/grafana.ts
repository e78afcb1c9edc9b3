import { readFileSync } from 'node:fs';
import { z } from 'zod';

const datasourceSchema = z.object({ type: z.string(), uid: z.string() });
const panelSchema = z.object({
  id: z.number(),
  type: z.string(),
  title: z.string(),
  gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
  datasource: datasourceSchema.optional(),
  targets: z
    .array(
      z.object({
        refId: z.string(),
        expr: z.string(),
        legendFormat: z.string(),
        datasource: datasourceSchema,
      }),
    )
    .default([]),
});
const dashboardSchema = z.object({
  title: z.string(),
  uid: z.string(),
  schemaVersion: z.number(),
  templating: z.object({
    list: z.array(z.object({ name: z.string(), type: z.string(), query: z.unknown() })),
  }),
  annotations: z.object({
    list: z.array(z.object({ datasource: datasourceSchema, expr: z.string() })),
  }),
  panels: z.array(panelSchema),
});

/** As far as the tests read it. */
export const DASHBOARD = dashboardSchema.parse(
  JSON.parse(readFileSync(new URL('../../scripts/grafana/dashboard.json', import.meta.url), 'utf8')),
);

/** What the panels ask, as Grafana would send it with everything chosen. */
export const QUERIES = DASHBOARD.panels.flatMap(({ title, targets }) =>
  targets.map(({ expr, legendFormat }) => ({ title, legendFormat, expr: withoutVariables(expr) })),
);

export function withoutVariables(expr: string): string {
  return expr.replaceAll('$__rate_interval', '1m').replaceAll(/=~"\$(?:job|instance)"/g, '=~".+"');
}
