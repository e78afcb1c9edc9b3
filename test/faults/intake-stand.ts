import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { freePort } from '../../scripts/services/machine.ts';
import { createToken } from '../../src/tokens/tokens.ts';
import { startProcess } from '../support/process.ts';
import type { FaultStand } from './fault-stand.ts';

export const PUSH = '/v1/jobs/push_sales';
export const STORE = 'store-1';

interface Posted {
  readonly status: number;
  readonly jobId?: string;
  readonly said?: string;
  /** Of a problem. */
  readonly type?: string | undefined;
  readonly retryAfter?: string | null;
}

/** A till with a retry of its own. */
export function aTill(url: string, token: string) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const postText = async (sale: string): Promise<Posted> => {
    const answer = await fetch(`${url}${PUSH}`, { method: 'POST', headers, body: sale });
    const body: { jobId?: string; status?: string; type?: string } = JSON.parse(await answer.text());
    const { jobId, status, type } = body;
    const retryAfter = answer.headers.get('retry-after');
    return { status: answer.status, ...(jobId && { jobId }), said: String(status), type, retryAfter };
  };
  const post = (sale: object) => postText(JSON.stringify(sale));
  return {
    post,
    postText,
    /** Status 0: there was no answer. */
    tryPost: (sale: object) => post(sale).catch((): Posted => ({ status: 0 })),
    get: async (path: string) => {
      const answer = await fetch(`${url}${path}`, { headers });
      return { status: answer.status, text: await answer.text() };
    },
  };
}

export async function startIntake(stand: FaultStand, env: Readonly<Record<string, string>> = {}) {
  const port = env['INTAKE_PORT'] ?? String(await freePort());
  const more = { INTAKE_PORT: port, INTAKE_RATE: '100000', ...env };
  const intake = startProcess('dist/intake.js', { ...stand.env, ...more });
  await intake.waitForLog('intake started', 60_000);
  return { intake, url: `http://127.0.0.1:${port}`, port };
}

export function tokenOf(stand: FaultStand): Promise<string> {
  return stand.database.write((tx) =>
    createToken(tx, { name: 'till', locationIds: [STORE], actor: 'a test' }),
  );
}

/** Sends what it is told of a request, and is gone. */
export async function halfRequest(url: string, head: readonly string[], body: string): Promise<void> {
  (await openHalf(url, head, body)).destroy();
}

/** The same, and stays. A number: so many blanks. */
export async function openHalf(url: string, head: readonly string[], body: string | number): Promise<Socket> {
  const { port } = new URL(url);
  const socket = connect(Number(port), '127.0.0.1');
  // Of a refused one it is told by a reset.
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const text = typeof body === 'number' ? ' '.repeat(body) : body;
  await new Promise((resolve) => socket.write(`${head.join('\r\n')}\r\n\r\n${text}`, resolve));
  return socket;
}

export const headOf = (token: string, path: string, type: string, length: number) => [
  `POST ${path} HTTP/1.1`,
  'Host: 127.0.0.1',
  `Authorization: Bearer ${token}`,
  `Content-Type: ${type}`,
  `Content-Length: ${length}`,
];
