import { tell } from '../../base/happenings.ts';
import type { Circuit } from '../../circuit/circuit.ts';
import type { HealthEnding } from '../../circuit/types.ts';
import type { ConexxusClient } from '../../conexxus/client.ts';
import type { HealthAnswer } from '../../conexxus/health.ts';
import type { GatePicture } from './gate-script.ts';

interface HealthCallDeps {
  readonly circuit: Pick<Circuit, 'beginHealth' | 'endHealth' | 'endBench'>;
  readonly client: Pick<ConexxusClient, 'health'>;
}

export const HEALTH_TIMEOUT_MS = 5_000;

/**
 * Makes those that are due, of the fleet's and of a benched worker's own, one at a time. Nobody waits for one: an answer
 * may take as long as the register remembers a worker that says nothing.
 */
export function createHealthCalls(
  deps: HealthCallDeps,
  onError: (error: unknown) => void,
  stopping: AbortSignal,
) {
  let underWay: Promise<void> | undefined;
  return {
    makeDue(picture: Pick<GatePicture, 'reasons' | 'standing'>): void {
      underWay ??= makeDueHealthCall(picture, deps, stopping)
        .catch(onError)
        .finally(() => {
          underWay = undefined;
        });
    },
    /** Resolves when none is under way. */
    async ended(): Promise<void> {
      await underWay;
    },
  };
}

async function makeDueHealthCall(
  { reasons, standing }: Pick<GatePicture, 'reasons' | 'standing'>,
  deps: HealthCallDeps,
  stopping: AbortSignal,
): Promise<void> {
  if (standing.kind !== 'benched' && reasons.includes('health')) await makeHealthCall(deps, stopping);
  if (standing.kind === 'benched' && standing.isDue) await makeOwnHealthCall(deps, stopping);
}

/** The first trial of a half-open circuit, made by whichever process gets the lease. */
async function makeHealthCall(deps: HealthCallDeps, stopping: AbortSignal): Promise<void> {
  const permission = await deps.circuit.beginHealth();
  if (permission === null) return;
  const heard = await askHealth(deps, stopping);
  // Cut off by our own shutdown: the lease runs out and another process makes the call.
  if (heard) await deps.circuit.endHealth(permission, heard.ending, heard.retryAfterMs);
}

/** A benched worker asks for itself: answered, it may try again. */
async function makeOwnHealthCall(deps: HealthCallDeps, stopping: AbortSignal): Promise<void> {
  const heard = await askHealth(deps, stopping);
  if (heard) await deps.circuit.endBench(heard.ending, heard.retryAfterMs);
}

async function askHealth({ client }: HealthCallDeps, stopping: AbortSignal) {
  const answer = await client.health({ timeoutMs: HEALTH_TIMEOUT_MS, signal: stopping });
  if (stopping.aborted) return null;
  tell('health-call-made', { answer });
  const retryAfterMs = 'retryAfterMs' in answer ? answer.retryAfterMs : undefined;
  return { ending: endingOf(answer), retryAfterMs };
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
