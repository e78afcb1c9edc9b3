import type { Logger } from '../../base/logger.ts';
import type { Circuit } from '../../circuit/circuit.ts';
import type { HealthEnding } from '../../circuit/types.ts';
import type { ConexxusClient } from '../../conexxus/client.ts';
import type { HealthAnswer } from '../../conexxus/health.ts';

interface HealthCallDeps {
  readonly circuit: Pick<Circuit, 'beginHealth' | 'endHealth'>;
  readonly client: Pick<ConexxusClient, 'health'>;
  readonly logger: Logger;
}

export const HEALTH_TIMEOUT_MS = 5_000;

/** The first trial of a half-open circuit, made by whichever process gets the lease. */
export async function makeHealthCall(
  { circuit, client, logger }: HealthCallDeps,
  stopping: AbortSignal,
): Promise<void> {
  const permission = await circuit.beginHealth();
  if (permission === null) return;
  const answer = await client.health({ timeoutMs: HEALTH_TIMEOUT_MS, signal: stopping });
  // Cut off by our own shutdown: the lease runs out and another process makes the call.
  if (stopping.aborted) return;
  logger.info({ answer }, 'health call made');
  const retryAfterMs = 'retryAfterMs' in answer ? answer.retryAfterMs : undefined;
  await circuit.endHealth(permission, endingOf(answer), retryAfterMs);
}

function endingOf({ kind }: HealthAnswer): HealthEnding {
  switch (kind) {
    case 'ok':
    // No health endpoint: the jobs themselves will tell.
    case 'unsupported':
      return 'healthy';
    case 'rate_limited':
      return 'rate-limited';
    case 'misconfigured':
      return 'misconfigured';
    case 'failed':
      return 'failed';
  }
}
