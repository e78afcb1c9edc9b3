import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { rawRequest } from './raw-http.ts';
import { type Simulator, startSimulator } from './simulator/simulator.ts';

// Self-signed for 127.0.0.1, until 2126; it guards nothing.
const cert = `-----BEGIN CERTIFICATE-----
MIIBjzCCATagAwIBAgIUF7jSbcJFvbleUeYIRMngKQMXYLIwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyMzE1MDYxNFoYDzIxMjYxMDMw
MTUwNjE0WjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAS8wJB52YO/PIjUZ+LiZX6wMUKg1G7xu6HJvn3aeLzvzTfTWcSi9sfg
OJMQXo47/JJKDCeLTluzu+IZr4tQzGaUo2QwYjAdBgNVHQ4EFgQUtkv4YozY4Xkc
zyKhZ9lhASKyF3kwHwYDVR0jBBgwFoAUtkv4YozY4XkczyKhZ9lhASKyF3kwDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0cAMEQC
IGfSByv3ciLrjwB0lh6LE+OSRthpgdxqvTNIr/D6uj2YAiAi0Akr0glS+tw58aOV
QuFWwrW9JmpDF41DLKqe0qtmVA==
-----END CERTIFICATE-----
`;
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgJ3v2iABKIRClRqI3
FEFDi0493LiuO3wRNvcN9ZQCyVKhRANCAAS8wJB52YO/PIjUZ+LiZX6wMUKg1G7x
u6HJvn3aeLzvzTfTWcSi9sfgOJMQXo47/JJKDCeLTluzu+IZr4tQzGaU
-----END PRIVATE KEY-----
`;

let simulator: Simulator;

beforeAll(async () => {
  simulator = await startSimulator({ tls: { key, cert } });
});
afterAll(() => simulator.stop());

it('serves the API by https to who trusts its certificate, and nothing to who does not', async () => {
  const answer = await rawRequest(`${simulator.url}/api/v1/health`, { ca: cert });
  const distrusting = rawRequest(`${simulator.url}/api/v1/health`);

  expect(simulator.url).toMatch(/^https:/);
  expect(answer.status).toBe(200);
  await expect(distrusting).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  expect(await simulator.summary()).toMatchObject({ requests: 1 });
});

it('cuts the connection behind the applied sale, by https too', async () => {
  await simulator.setFaults([{ match: { times: 1 }, fault: { kind: 'resetAfterApply' } }]);
  const request = { ca: cert, method: 'POST', headers: { 'x-api-key': simulator.apiKey }, body: '{}' };

  await expect(rawRequest(`${simulator.url}/api/v1/sales/push`, request)).rejects.toMatchObject({
    code: 'ECONNRESET',
  });
  expect(await simulator.summary()).toMatchObject({ applied: 1 });
});
