import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hear } from '../../../src/base/happenings.ts';
import type { GatePicture } from '../../../src/sync/gate/gate-script.ts';
import { createSight } from '../../../src/sync/gate/sight.ts';

/** All that is seen beside it stays as it is. */
function looking() {
  const seen = createSight();
  return (picture: Pick<GatePicture, 'state' | 'reasons'>) =>
    seen({ ...picture, concurrency: 0, standing: { kind: 'full' } });
}

describe('what a gate tells of its looks', () => {
  let told: unknown[];
  let deaf: (() => void)[];

  beforeEach(() => {
    told = [];
    deaf = (['circuit-moved', 'queue-paused', 'queue-resumed'] as const).map((name) =>
      hear(name, (message) => told.push([name, message])),
    );
  });

  afterEach(() => {
    for (const end of deaf) end();
  });

  it('is what changed, once', () => {
    const look = looking();
    look({ state: 'closed', reasons: [] });
    expect(told).toEqual([]);
    for (let looks = 0; looks < 3; looks += 1) look({ state: 'open', reasons: ['open'] });
    look({ state: 'half-open', reasons: [] });
    look({ state: 'half-open', reasons: ['hold'] });
    look({ state: 'half-open', reasons: ['hold', 'events'] });
    expect(told).toEqual([
      ['circuit-moved', { from: 'closed', to: 'open' }],
      ['queue-paused', { pausedBy: ['open'] }],
      ['circuit-moved', { from: 'open', to: 'half-open' }],
      ['queue-resumed', {}],
      ['queue-paused', { pausedBy: ['hold'] }],
      ['queue-paused', { pausedBy: ['hold', 'events'] }],
    ]);
  });

  it('is at the first look of a worker that starts in an outage, what is not well', () => {
    looking()({ state: 'open', reasons: ['open'] });
    expect(told).toEqual([
      ['circuit-moved', { from: 'closed', to: 'open' }],
      ['queue-paused', { pausedBy: ['open'] }],
    ]);
  });
});
