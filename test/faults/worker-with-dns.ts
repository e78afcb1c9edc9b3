/**
 * A worker on a machine whose DNS knows `conexxus.test` (DNS_ADDRESSES, else 127.0.0.1), where DNS_WORKS_FILE
 * names a file only while that exists.
 */
import dns from 'node:dns';
import { existsSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

type Callback = (error: NodeJS.ErrnoException | null, address?: unknown, family?: number) => void;

const system = dns.lookup;
const addresses = (process.env['DNS_ADDRESSES'] ?? '127.0.0.1')
  .split(',')
  .map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

function lookup(host: string, options: dns.LookupOptions, callback: Callback): void {
  if (host !== 'conexxus.test') return system(host, options, callback);
  const file = process.env['DNS_WORKS_FILE'];
  if (file !== undefined && !existsSync(file)) {
    const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' });
    process.nextTick(callback, error);
  } else if (options.all) process.nextTick(callback, null, addresses);
  else process.nextTick(callback, null, addresses[0]?.address, addresses[0]?.family);
}

Object.assign(dns, { lookup });
syncBuiltinESMExports();
await import('../../src/worker.ts');
