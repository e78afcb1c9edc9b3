import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { VARIABLES } from '../../src/base/config/settings.ts';
import { createGuardedFolder } from '../services/guarded-folder.ts';
import { launchServer, readLog } from '../services/server-process.ts';
import type { OnEnded } from '../services/service.ts';

/** A running process of the product. */
export interface ProductProcess {
  readonly pid: number;
  /** The line it logged when it was ready. */
  readonly ready: Readonly<Record<string, unknown>>;
  stop(): Promise<void>;
}

export interface ProductPlan {
  readonly name: string;
  /** As in package.json: `dist/worker.js`. */
  readonly entry: string;
  readonly env: NodeJS.ProcessEnv;
  /** Message of the line that it logs when it is ready. */
  readonly readyMessage: string;
  readonly onEnded: OnEnded;
}

const logLine = z.looseObject({ msg: z.string() });

/** Starts `node dist/….js`, which ends with this process, however that ends; resolves when it is ready. */
export async function startProduct(plan: ProductPlan): Promise<ProductProcess> {
  const { name, entry, env, readyMessage, onEnded } = plan;
  const folder = createGuardedFolder(name.replaceAll(' ', '-'));
  let ready: z.infer<typeof logLine> | undefined;
  const server = await launchServer(folder, {
    name,
    command: process.execPath,
    args: [fileURLToPath(new URL(`../../${entry}`, import.meta.url))],
    env: { ...unsetVariables(), ...env, NODE_OPTIONS: '' },
    answers: async () => {
      ready = readLog(folder)
        .split('\n')
        .flatMap(parseLine)
        .find(({ msg }) => msg === readyMessage);
      if (!ready) throw new Error(`it has not logged "${readyMessage}"`);
    },
    crashSignal: 'SIGKILL',
    onEnded,
  });
  return { pid: server.pid ?? 0, ready: ready ?? {}, stop: server.stop };
}

/** What a person has in the environment for an installation of theirs is not meant for the demo. */
function unsetVariables(): NodeJS.ProcessEnv {
  return Object.fromEntries(VARIABLES.map(({ variable }) => [variable.env, '']));
}

function parseLine(line: string): z.infer<typeof logLine>[] {
  try {
    const parsed = logLine.safeParse(JSON.parse(line));
    return parsed.success ? [parsed.data] : [];
  } catch {
    // The last line may be half written.
    return [];
  }
}
