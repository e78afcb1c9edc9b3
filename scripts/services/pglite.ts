import { fileURLToPath } from 'node:url';
import { createGuardedFolder } from './guarded-folder.ts';
import { freePort } from './machine.ts';
import { postgresAnswers } from './postgres.ts';
import { launchServer } from './server-process.ts';
import type { OnEnded, Service } from './service.ts';

const SERVER = fileURLToPath(new URL('./pglite-server.mjs', import.meta.url));

/**
 * The bundled Postgres: the whole of it compiled to WebAssembly, in memory, in a process of its own. It
 * is one backend, so all connections share one session and take turns.
 */
export async function startEmbeddedPostgres(onEnded?: OnEnded): Promise<Service> {
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const { stop } = await launchServer(createGuardedFolder('pglite'), {
    name: 'PGlite',
    command: process.execPath,
    args: [SERVER, String(port)],
    // Flags meant for the test runner or the demo are not meant for it.
    env: { NODE_OPTIONS: '' },
    answers: () => postgresAnswers(url),
    crashSignal: 'SIGKILL',
    onEnded,
  });
  const description = `embedded Postgres (PGlite), in memory, on 127.0.0.1:${port}`;
  return { url, port, source: 'embedded', description, stop };
}
