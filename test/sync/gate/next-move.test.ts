import { EventEmitter, getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { nextMove } from '../../../src/sync/gate/next-move.ts';
import { eventually } from '../../support/eventually.ts';

const FOR_EVER_MS = 3_600_000;

function collectGarbage(): void {
  setFlagsFromString('--expose_gc');
  const collect: () => void = runInNewContext('gc');
  collect();
}

describe('the wait for the next move', () => {
  it('ends at a move, and when the process is to stop', async () => {
    const moves = new EventEmitter();
    const stopping = new AbortController();
    const moved = nextMove(moves, FOR_EVER_MS, stopping.signal);
    moves.emit('move');
    await moved;
    const stopped = nextMove(moves, FOR_EVER_MS, stopping.signal);
    stopping.abort();
    await stopped;
    await nextMove(moves, FOR_EVER_MS, stopping.signal);
    expect(moves.listenerCount('move')).toBe(0);
    expect(getEventListeners(stopping.signal, 'abort')).toEqual([]);
  });

  it('ends in time, though garbage is collected meanwhile', async () => {
    const moves = new EventEmitter().setMaxListeners(0);
    const stopping = new AbortController();
    let ended = 0;
    for (let n = 0; n < 100; n += 1) void nextMove(moves, 200, stopping.signal).then(() => (ended += 1));
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    collectGarbage();
    await eventually(() => expect(ended).toBe(100), 5_000);
  });
});
