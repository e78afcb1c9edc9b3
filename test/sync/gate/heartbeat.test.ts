import { describe, expect, it } from '@jest/globals';
import { createHeartbeat } from '../../../src/sync/gate/heartbeat.ts';
import { deferred } from '../../support/deferred.ts';
import { eventually } from '../../support/eventually.ts';

describe('a heartbeat', () => {
  it('checks again after the time that the check names', async () => {
    let checks = 0;
    const heartbeat = createHeartbeat(() => Promise.resolve(++checks < 3 ? 1 : 60_000));
    heartbeat.beat();
    await eventually(() => expect(checks).toBe(3));
    await heartbeat.stop();
  });

  it('runs one check at a time, and one more for all that came during it', async () => {
    const gates = [deferred<number>(), deferred<number>()];
    let checks = 0;
    const heartbeat = createHeartbeat(() => gates[checks++]?.promise ?? Promise.resolve(60_000));
    heartbeat.beat();
    heartbeat.beat();
    heartbeat.beat();
    expect(checks).toBe(1);
    gates[0]?.resolve(60_000);
    await eventually(() => expect(checks).toBe(2));
    gates[1]?.resolve(60_000);
    await heartbeat.stop();
    expect(checks).toBe(2);
  });

  it('stops: the check under way is waited for, and none follows', async () => {
    const gate = deferred<number>();
    let checks = 0;
    const heartbeat = createHeartbeat(() => {
      checks += 1;
      return gate.promise;
    });
    heartbeat.beat();
    const stopped = heartbeat.stop();
    heartbeat.beat();
    gate.resolve(1);
    await stopped;
    expect(checks).toBe(1);
  });
});
