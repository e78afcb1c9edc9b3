import { describe, expect, it } from '@jest/globals';
import type { Acquired, DenialReason } from '../../src/circuit/types.ts';
import { enter } from '../../src/sync/admission.ts';
import type { PauseReason } from '../../src/sync/gate/gate-script.ts';

const SUBJECT = { jobId: 'job-1' };
const PERMITTED: Acquired = { kind: 'permitted', permission: 'p', epoch: 1, trial: false, doubt: null };

function denied(reason: DenialReason, waitMs: number | null = 500): Acquired {
  return { kind: 'denied', reason, retryAt: waitMs === null ? null : 1, waitMs };
}

/** A circuit that gives these answers in turn, and a gate that tells what was asked of it. */
function play(answers: Acquired[], paused: PauseReason[][] = []) {
  const asked: string[] = [];
  const stopping = new AbortController();
  const admission = enter(
    SUBJECT,
    {
      acquire: () => {
        asked.push('acquire');
        const answer = answers.shift();
        return answer ? Promise.resolve(answer) : Promise.reject(new Error('asked too often'));
      },
    },
    {
      follow: () => {
        asked.push('follow');
        return Promise.resolve(paused.shift() ?? []);
      },
      nextMove: (waitMs) => {
        asked.push(`wait ${waitMs}`);
        if (answers.length === 0) stopping.abort();
        return Promise.resolve();
      },
    },
    stopping.signal,
  );
  return { admission, asked };
}

describe('a job that asks the circuit', () => {
  it('is told at once where it is permitted or delivered', async () => {
    expect(await play([PERMITTED]).admission).toBe(PERMITTED);
    expect(await play([{ kind: 'delivered' }]).admission).toEqual({ kind: 'delivered' });
  });

  it.each(['open', 'hold', 'cooldown'] as const)(
    'is handed back after the queue was paused, where the answer is %s',
    async (reason) => {
      const { admission, asked } = play([denied(reason)], [[reason]]);
      expect(await admission).toEqual({ kind: 'hand-back' });
      expect(asked).toEqual(['acquire', 'follow']);
    },
  );

  it('asks again where the circuit has moved on before the queue could be paused', async () => {
    const { admission, asked } = play([denied('open'), PERMITTED], [[]]);
    expect(await admission).toBe(PERMITTED);
    expect(asked).toEqual(['acquire', 'follow', 'acquire']);
  });

  it.each(['health', 'trials'] as const)(
    'waits in its slot for the next move, half-open (%s)',
    async (reason) => {
      const { admission, asked } = play([
        denied(reason, 300),
        denied(reason, null),
        denied(reason, 99_000),
        PERMITTED,
      ]);
      expect(await admission).toBe(PERMITTED);
      expect(asked.filter((what) => what.startsWith('wait'))).toEqual(['wait 300', 'wait 1000', 'wait 1000']);
    },
  );

  it('is handed back from its slot when the process is told to stop', async () => {
    expect(await play([denied('trials')]).admission).toEqual({ kind: 'hand-back' });
  });

  it('is postponed until the claim of the same payload in another job runs out', async () => {
    expect(await play([denied('in-flight', 7_000)]).admission).toEqual({ kind: 'postpone', delayMs: 7_000 });
  });
});
