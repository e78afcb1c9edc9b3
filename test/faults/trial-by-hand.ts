import type { FaultStand } from './fault-stand.ts';

/** A trial made by hand, where no worker gets a job to try with: the queue is paused, or every place in it taken. */
export async function succeedInATrial({ circuit }: FaultStand, jobId: string): Promise<void> {
  const trial = await circuit.acquire({ jobId });
  if (trial.kind !== 'permitted') throw new Error(`no trial: ${JSON.stringify(trial)}`);
  const type = 'conexxus.sync.succeeded.fetch_inventory';
  const event = { dedupeKey: `${trial.permission}:${type}`, type, aggregateId: jobId, payload: {} };
  await circuit.record({ jobId }, trial.permission, {
    effect: 'success',
    durationMs: 1,
    delivered: true,
    event,
  });
}
