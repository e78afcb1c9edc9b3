/**
 * A back office that costs as little as one can: it reads a sale, and says that it has it, after ANSWER_MS on average.
 * `POST /answer/503` has it answer so from then on.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const PUSH = '/api/v1/sales/push';
const TAKEN = JSON.stringify({ success: true, data: { accepted: 1 }, timestamp: '2026-01-01T00:00:00Z' });
const WELL = JSON.stringify({ success: true, data: { status: 'ok' }, timestamp: '2026-01-01T00:00:00Z' });
const ILL = JSON.stringify({ success: false, error: 'not now', timestamp: '2026-01-01T00:00:00Z' });

const answerMs = Number(process.env['ANSWER_MS'] ?? 0);
let status = 200;

const server = createServer((request, response) => {
  request.resume();
  request.once('end', () => {
    const told = request.url?.startsWith('/answer/') === true ? request.url.slice('/answer/'.length) : '';
    if (told !== '') status = Number(told);
    const body = status !== 200 ? ILL : request.url === PUSH ? TAKEN : WELL;
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const reply = () => response.writeHead(told === '' ? status : 200, headers).end(body);
    // Not always the same, or all that were called together would end, and be called, together for ever.
    if (answerMs > 0) setTimeout(reply, answerMs * (0.5 + Math.random()));
    else reply();
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ msg: 'listening', url: `http://127.0.0.1:${port}` }));
});
process.once('SIGTERM', () => process.exit(0));
