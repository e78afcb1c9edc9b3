/** All that can be asked of the intake. `path` as Hono has it. */
export const OPERATIONS = {
  push_sales: operation('POST', '/v1/jobs/push_sales'),
  push_sales_batch: operation('POST', '/v1/jobs/push_sales/batch'),
  fetch_inventory: operation('POST', '/v1/jobs/fetch_inventory'),
  job: operation('GET', '/v1/jobs/:jobId'),
  sale: operation('GET', '/v1/sales/:transactionId'),
  pending: operation('GET', '/v1/pending'),
  openapi: operation('GET', '/openapi.json'),
} as const;

export type OperationName = keyof typeof OPERATIONS;

function operation(method: 'GET' | 'POST', path: string) {
  return {
    method,
    path,
    matches: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+')}$`),
  };
}
