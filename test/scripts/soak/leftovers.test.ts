import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { leftIn } from '../../../scripts/soak/leftovers.ts';
import { CLAIM_IN_DOUBT } from '../../../src/circuit/claims.ts';
import { claimKey } from '../../../src/circuit/keys.ts';
import { eventually } from '../../support/eventually.ts';
import { makeSales } from '../../support/sales.ts';
import { type Stand, startStand } from '../../support/stand.ts';

let stand: Stand;

beforeEach(async () => {
  stand = await startStand();
});

afterEach(() => stand.close());

describe('what a soak leaves in Redis', () => {
  it('is nothing, beside workers that are idle, but what is remembered', async () => {
    await stand.startWorker();
    await stand.enqueue(makeSales(3));
    await eventually(async () => expect(await stand.queue.getCompletedCount()).toBe(3), 15_000);
    // As the soak does after each check.
    await stand.queue.clean(0, 10, 'completed');
    await stand.redis.set(claimKey(stand.namespace, 'ps-in-doubt'), CLAIM_IN_DOUBT);
    await eventually(async () => expect(await leftIn(stand)).toEqual([]), 15_000);

    const unrecorded = claimKey(stand.namespace, 'ps-never-recorded');
    await stand.redis.set(unrecorded, 'permission|1|2|0|job');
    expect(await leftIn(stand)).toEqual([unrecorded]);
  });
});
