import { describe, expect, it } from '@jest/globals';
import { array, assert, integer, jsonValue, property, string } from 'fast-check';
import { JsonNumber } from '../../src/base/json-number.ts';
import { createItemReader } from '../../src/conexxus/item-reader.ts';
import { LISTED } from '../../src/conexxus/wire.ts';

function read(pieces: readonly string[]) {
  const items: unknown[] = [];
  const reader = createItemReader((item) => items.push(item));
  for (const piece of pieces) reader.write(piece);
  return { items, envelope: reader.end() };
}

function inPieces(text: string, length: number): string[] {
  return Array.from({ length: Math.ceil(text.length / length) }, (_, n) =>
    text.slice(n * length, (n + 1) * length),
  );
}

/** What the reader gives for a value, at the depth of a list. */
function seen(value: unknown, depth = 0): unknown {
  if (typeof value === 'number') return new JsonNumber(JSON.stringify(value));
  if (typeof value !== 'object' || value === null) return value;
  if (depth > 0 || Array.isArray(value)) return Array.isArray(value) ? [] : {};
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, seen(member, 1)]));
}

describe('an answer that is read while it comes', () => {
  it('gives the same items, wherever it is cut', () => {
    assert(
      property(array(jsonValue()), integer({ min: 1, max: 40 }), (data, length) => {
        const text = JSON.stringify({ success: true, data, timestamp: 'x' }, null, length % 3);
        const { items, envelope } = read(inPieces(text, length));
        expect(items).toEqual(data.map((item) => seen(item)));
        expect(envelope).toEqual({ success: true, data: LISTED, timestamp: 'x' });
      }),
    );
  });

  it('keeps each digit', () => {
    const numbers = ['1.10', '1e1', '-0', '0.30000000000000004', '6035710012345678901', '1E+2'];
    const { items } = read(inPieces(`{"data":[${numbers.join()}],"success":true}`, 2));
    expect(items).toEqual(numbers.map((text) => new JsonNumber(text)));
  });

  it('may have its list first, and other lists besides', () => {
    const text = '{"meta":{"data":[1]},"data":[{"a":[{"data":[2]}],"b":{"c":3}}],"more":[4],"success":false}';
    expect(read([text])).toEqual({
      items: [{ a: [], b: {} }],
      envelope: { meta: {}, data: LISTED, more: [], success: false },
    });
  });

  it('has no list where `data` is none', () => {
    expect(read(['{"success":true,"data":{"data":[1]}}'])).toEqual({
      items: [],
      envelope: { success: true, data: {} },
    });
    expect(read(['{"success":true}']).envelope).toEqual({ success: true });
  });

  it.each([
    ['cut off', '{"success":true,"data":[1]'],
    ['cut off in an item', '{"success":true,"data":[{"a":'],
    ['followed by more', '{"success":true,"data":[1]} {}'],
    ['two lists', '{"data":[1],"success":true,"data":[2]}'],
    ['no object', '[{"success":true,"data":[1]}]'],
    ['a page', '<!doctype html><p>ok'],
    ['nothing', ''],
    ['without success', '{"data":[1]}'],
    ['with a number for success', '{"success":1,"data":[1]}'],
  ])('is none: %s', (_what, text) => {
    expect(read([text]).envelope).toBeUndefined();
    expect(read(inPieces(text, 1)).envelope).toBeUndefined();
  });

  it('throws for no text, whatever it is', () => {
    assert(
      property(string(), integer({ min: 1, max: 5 }), (text, length) => {
        expect(() => read(inPieces(text, length))).not.toThrow();
        expect(() => read(inPieces(`{"data":[{"a":${text}`, length))).not.toThrow();
      }),
    );
  });

  it("gives a name that is a language's own as a plain one", () => {
    const { items } = read(['{"success":true,"data":[{"__proto__":{"polluted":1},"sku":"a"}]}']);
    expect(Object.keys(items[0] ?? {})).toEqual(['__proto__', 'sku']);
    expect({}).not.toHaveProperty('polluted');
  });
});
