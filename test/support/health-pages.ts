import { freePort } from '../../scripts/services/machine.ts';

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export interface HealthPages {
  readonly port: number;
  live(): Promise<Answer>;
  ready(): Promise<Answer>;
}

/** As long as the health check of a container waits. */
const PROBE_TIMEOUT_MS = 5_000;

/** Of the process that is given the port. */
export async function healthPages(port?: number): Promise<HealthPages> {
  const known = port ?? (await freePort());
  const ask = async (page: string): Promise<Answer> => {
    const answer = await fetch(`http://127.0.0.1:${known}/health/${page}`, {
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    return { status: answer.status, body: await answer.json() };
  };
  return { port: known, live: () => ask('live'), ready: () => ask('ready') };
}
