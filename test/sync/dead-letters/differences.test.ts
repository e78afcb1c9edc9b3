import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { differencesOf } from '../../../src/sync/dead-letters/differences.ts';

const plainly = { exact: new Map<string, string>(), show: (_name: string, value: unknown) => value };
const between = (before: unknown, after: unknown) => differencesOf(before, after, plainly);

describe('differences', () => {
  it('are told field by field, with what was and what is', () => {
    const before = { a: 1, gone: true, list: [{ sku: '1', price: 2 }, 'x'], deep: { same: [1] } };
    const after = { a: '1', list: [{ sku: '2', price: 2 }], deep: { same: [1] }, 'new one': null };
    expect(between(before, after)).toEqual({
      list: [
        { path: 'a', from: '1', to: '"1"' },
        { path: 'gone', from: 'true', to: null },
        { path: 'list[0].sku', from: '"1"', to: '"2"' },
        { path: 'list[1]', from: '"x"', to: null },
        { path: '["new one"]', from: null, to: 'null' },
      ],
      more: 0,
    });
  });

  it('are cut, and counted beyond a hundred', () => {
    const { list, more } = between({ list: Array(150).fill(0) }, { list: Array(150).fill('x'.repeat(500)) });
    expect({ count: list.length, more, length: list[0]?.to?.length }).toEqual({
      count: 100,
      more: 50,
      length: 101,
    });
  });

  it('show a number as it was written, where a double has it as another', () => {
    const exact = new Map([['card', '6035710012345678901']]);
    const after = { card: '6035710012345678901' };
    expect(differencesOf({ card: Number(after.card) }, after, { ...plainly, exact }).list).toEqual([
      { path: 'card', from: '6035710012345678901', to: '"6035710012345678901"' },
    ]);
  });

  it('are told of what nests deeper than any stack', () => {
    const deep: unknown = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`);
    expect(between({ deep }, { deep: 1 }).list).toMatchObject([{ path: 'deep', to: '1' }]);
    expect(between(deep, deep).list).toEqual([]);
  });

  it('are none of a payload and itself, and some of any other', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.jsonValue({ maxDepth: 4 }), (one, other) => {
        const copy: unknown = JSON.parse(JSON.stringify(one));
        const unlike: unknown = JSON.parse(JSON.stringify(other));
        expect(between(copy, JSON.parse(JSON.stringify(one)))).toEqual({ list: [], more: 0 });
        const isSame = isDeepStrictEqual(copy, unlike);
        expect(between(copy, unlike).list.length === 0).toBe(isSame);
      }),
    );
  });
});
