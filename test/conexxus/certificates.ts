import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

export function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A self-signed certificate for `host`; `expired`: it ran out in 2020. */
export function selfSigned(host: string, { expired = false } = {}): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'conexxus-tls-'));
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  try {
    writeFileSync(join(folder, 'ca.cnf'), CA_CONFIG);
    writeFileSync(join(folder, 'index.txt'), '');
    writeFileSync(join(folder, 'extensions.cnf'), `subjectAltName=DNS:${host}\n`);
    const request = '-new -newkey rsa:2048 -nodes -config ca.cnf -keyout key.pem -out request.pem';
    openssl('req', ...request.split(' '), '-subj', `/CN=${host}`);
    const start = '200101000000Z';
    const end = expired ? '200102000000Z' : '491231235959Z';
    const signing = '-batch -selfsign -notext -config ca.cnf -extfile extensions.cnf -keyfile key.pem';
    openssl(
      'ca',
      ...signing.split(' '),
      '-in',
      'request.pem',
      '-out',
      'cert.pem',
      '-startdate',
      start,
      '-enddate',
      end,
    );
    return {
      key: readFileSync(join(folder, 'key.pem'), 'utf8'),
      cert: readFileSync(join(folder, 'cert.pem'), 'utf8'),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// `openssl ca`, unlike `openssl req`, can write a certificate that has expired.
const CA_CONFIG = `[ca]
default_ca = own
[own]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
`;
