/**
 * A worker on a machine whose DNS knows `conexxus.test` (127.0.0.1) only while the file named by
 * DNS_WORKS_FILE exists.
 */
import dns from 'node:dns';
import { existsSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

type Callback = (error: NodeJS.ErrnoException | null, address?: unknown, family?: number) => void;

const system = dns.lookup;

function lookup(host: string, options: dns.LookupOptions, callback: Callback): void {
  if (host !== 'conexxus.test') return system(host, options, callback);
  if (!existsSync(process.env['DNS_WORKS_FILE'] ?? '')) {
    const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' });
    process.nextTick(callback, error);
  } else if (options.all) process.nextTick(callback, null, [{ address: '127.0.0.1', family: 4 }]);
  else process.nextTick(callback, null, '127.0.0.1', 4);
}

Object.assign(dns, { lookup });
syncBuiltinESMExports();
await import('../../src/worker.ts');
