import { describe, expect, it } from '@jest/globals';
import { advance, type Memory, NOTHING_KNOWN } from '../../../src/ops/alerts/incidents.ts';
import type { Kind } from '../../../src/ops/alerts/kinds.ts';
import { merge } from '../../../src/ops/alerts/merge.ts';
import { dueMessages, markTold } from '../../../src/ops/alerts/messages.ts';
import { judged, NO_DEATHS, NOW, PACE } from './judged.ts';

const begin = (memory: Memory, kinds: readonly Kind[], at = NOW): Memory => ({
  ...advance(memory, judged(at, kinds), NO_DEATHS, PACE),
  revision: memory.revision + 1,
});

function tellAll(memory: Memory): Memory {
  const told = dueMessages(memory, 'shop', NOW + 9e9, PACE).reduce(
    (known, message) => markTold(known, message, NOW),
    memory,
  );
  return { ...told, revision: memory.revision + 1 };
}

const keys = ({ incidents }: Memory) => incidents.map(({ key }) => key);

describe('two copies of what was told', () => {
  it('that went on by themselves are what either knows', () => {
    const common = begin(NOTHING_KNOWN, ['no-worker']);
    const inPostgres = tellAll(begin(common, ['no-worker', 'redis']));
    const inRedis = begin(begin(common, ['no-worker', 'postgres']), ['no-worker', 'postgres']);
    for (const merged of [merge(inPostgres, inRedis), merge(inRedis, inPostgres)]) {
      expect(keys(merged).toSorted()).toEqual(['no-worker', 'postgres', 'redis']);
      // What was told in one is told, whichever copy is newer.
      expect(merged.incidents.filter(({ toldAt }) => toldAt === null).map(({ key }) => key)).toEqual([
        'postgres',
      ]);
    }
  });

  it('with an open incident of the same cause each tell it once', () => {
    const merged = merge(begin(NOTHING_KNOWN, ['redis']), begin(NOTHING_KNOWN, ['redis'], NOW + 1_000));
    const [message, ...more] = dueMessages(merged, 'shop', NOW + 9e6, PACE);
    expect({ at: message?.at, more }).toEqual({ at: NOW, more: [] });
  });

  it('one of which knows nothing are the other', () => {
    const known = tellAll(begin(NOTHING_KNOWN, ['redis']));
    expect(merge(NOTHING_KNOWN, known)).toEqual(known);
  });
});
