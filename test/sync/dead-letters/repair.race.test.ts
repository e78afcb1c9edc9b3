import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { createDeadLetters } from '../../../src/sync/dead-letters/dead-letters.ts';
import { createRepairs } from '../../../src/sync/dead-letters/repair.ts';
import { openQueue } from '../../../src/sync/queue.ts';
import { sales } from '../sales.ts';
import { collect, openShelf, type Shelf, WORD } from '../shelf.ts';
import { edited, keyOf, mended, redact } from './mending.ts';

let shelf: Shelf;
const connections: Redis[] = [];

beforeEach(() => {
  shelf = openShelf();
});

afterEach(() => {
  for (const each of connections.splice(0)) each.disconnect();
  shelf.close();
});

/** Nothing but what is told of the audit trail. */
async function untouched(id: string): Promise<void> {
  expect(await shelf.idsOf({})).toContain(id);
  expect(await shelf.waiting()).toEqual([]);
  expect(await shelf.typesOf('conexxus.sync')).toEqual([]);
}

describe('of many who act on one dead letter at once', () => {
  const ROUNDS = 60;
  const CLEAR = /no dead letter|edited sale is known|not (re|dis)/;

  /** Somebody with a connection of their own. */
  function person() {
    const redis = shelf.redis.duplicate();
    connections.push(redis);
    const deps = { redis, queue: openQueue(redis, shelf.namespace), namespace: shelf.namespace, redact };
    return { letters: createDeadLetters(deps), repairs: createRepairs(deps) };
  }

  it('exactly one wins, and the others are told so', async () => {
    const people = Array.from({ length: 5 }, person);
    const wins = new Map<string, number>();
    for (let round = 0; round < ROUNDS; round += 1) {
      const id = `r-${round}`;
      await shelf.redis.hset(shelf.queue.toKey(id), {
        name: 'push_sales',
        data: JSON.stringify(sales(id)),
        failedReason: 'rejected: 422',
        finishedOn: Date.now(),
        atm: 1,
      });
      await shelf.redis.zadd(shelf.queue.toKey('failed'), Date.now(), id);
      const [first, second, third, fourth, fifth] = people;
      const repairing = (who: typeof first, sku: string) => async () => {
        await who?.repairs.repair({ id, edited: edited(mended(id, sku)), word: WORD });
      };
      const passing = (who: typeof first, deed: 'replay' | 'discard') => async () => {
        const [verdict] = who === undefined ? [] : await collect(who.letters[deed]({ ids: [id] }, WORD));
        if (verdict?.kind !== 'done') throw new Error(`not ${deed}ed: ${verdict?.kind}`);
      };
      const deeds = [
        ['repair', repairing(first, 'x')],
        ['repair alike', repairing(second, 'x')],
        ['repair otherwise', repairing(third, 'y')],
        ['replay', passing(fourth, 'replay')],
        ['discard', passing(fifth, 'discard')],
      ] as const;
      // Who begins first differs from round to round.
      const order = deeds.map((_, n) => deeds[(n + round) % deeds.length] ?? deeds[0]);
      const ends = await Promise.allSettled(order.map(([, deed]) => deed()));
      const won = order.filter((_, n) => ends[n]?.status === 'fulfilled').map(([name]) => name);
      expect(won).toHaveLength(1);
      wins.set(won[0] ?? '', (wins.get(won[0] ?? '') ?? 0) + 1);
      const reasons = ends.flatMap((end) => (end.status === 'rejected' ? [String(end.reason)] : []));
      expect(reasons.filter((reason) => !CLEAR.test(reason))).toEqual([]);
      const waiting = await shelf.waiting();
      const isOld = waiting.includes(id);
      const news = ['x', 'y'].filter((sku) => waiting.includes(keyOf(mended(id, sku))));
      expect(news.length + (isOld ? 1 : 0)).toBe(won[0] === 'discard' ? 0 : 1);
      expect(await shelf.idsOf({ ids: [id] })).toEqual([]);
    }
    const told = (kind: string) => shelf.typesOf(`conexxus.sync.${kind}.`);
    const sum = (...names: string[]) => names.reduce((total, name) => total + (wins.get(name) ?? 0), 0);
    const repaired = sum('repair', 'repair alike', 'repair otherwise');
    expect(await told('replaced')).toHaveLength(repaired);
    expect(await told('replaces')).toHaveLength(repaired);
    expect(await told('replayed')).toHaveLength(sum('replay'));
    expect(await told('discarded')).toHaveLength(sum('discard'));
  });

  it('who comes later is told into what it was edited', async () => {
    await shelf.shelve(1, () => Date.now());
    const again = () =>
      person().repairs.repair({ id: 'letter-0', edited: edited(mended('letter-0')), word: WORD });
    const { jobId } = await again();
    await expect(again()).rejects.toThrow(`letter-0 any more: somebody edited it into ${jobId}`);
  });

  it('a command that is sent again after its answer was lost says that it was done', async () => {
    await shelf.shelve(1, () => Date.now());
    const mendedSale = mended('letter-0');
    const send = shelf.redis.evalsha.bind(shelf.redis);
    const twice: Redis = new Proxy(shelf.redis, {
      get(target, name) {
        if (name !== 'evalsha') return Reflect.get(target, name);
        return async (...args: Parameters<typeof send>) => {
          await send(...args);
          return send(...args);
        };
      },
    });
    await shelf.redis.script('LOAD', 'return 1');
    const again = createRepairs({ ...shelf, redis: twice, redact });
    await again.repair({ id: 'letter-0', edited: edited(mendedSale), word: WORD });
    expect(await shelf.waiting()).toEqual([keyOf(mendedSale)]);
    expect(await shelf.typesOf('conexxus.sync.replaces')).toHaveLength(1);
  });

  it('what holds another payload since it was looked at is left alone', async () => {
    await shelf.shelve(1, () => Date.now());
    const audit = shelf.redis.eval.bind(shelf.redis);
    // Between the look and the deed stands the audit trail.
    const slow: Redis = new Proxy(shelf.redis, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (name !== 'eval' && name !== 'evalsha')
          return typeof value === 'function' ? value.bind(target) : value;
        return async (...args: Parameters<typeof audit>) => {
          await target.hset(
            shelf.queue.toKey('letter-0'),
            'data',
            JSON.stringify(sales('letter-0', { more: 1 })),
          );
          if (typeof value !== 'function') throw new TypeError('no command');
          return Reflect.apply(value, target, args);
        };
      },
    });
    const late = createRepairs({ ...shelf, redis: slow, redact });
    await expect(
      late.repair({ id: 'letter-0', edited: edited(mended('letter-0')), word: WORD }),
    ).rejects.toThrow('holds another payload');
    await untouched('letter-0');
  });
});
