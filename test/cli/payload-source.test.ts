import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Payload, readPayloads } from '../../src/cli/payload-source.ts';

const A = { id: 'a', note: 'Crème 🍮' };
const B = { id: 'b', nested: [{ c: 1 }, { d: 2 }] };

/** As a pipe gives it: in pieces that end anywhere, also inside a letter. */
async function* pieces(input: string | Buffer, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(input);
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function read(input: string | Buffer, size = 7): Promise<string[]> {
  const payloads: string[] = [];
  for await (const payload of readPayloads(pieces(input, size))) payloads.push(shown(payload));
  return payloads;
}

function shown(payload: Payload): string {
  const { unit, number } = payload.place;
  return `${unit} ${number}: ${'data' in payload ? JSON.stringify(payload.data) : payload.unreadable}`;
}

const [a, b] = [A, B].map((payload) => JSON.stringify(payload));

describe('the payloads of a file', () => {
  it.each([
    ['JSON Lines', `${a}\n${b}\n`, ['line 1', 'line 2']],
    ['JSON Lines without a last newline', `${a}\n${b}`, ['line 1', 'line 2']],
    ['JSON Lines as Windows writes them', `\uFEFF${a}\r\n${b}\r\n`, ['line 1', 'line 2']],
    ['JSON Lines with blank lines, which count', `\n${a}\n \t\r\n\n${b}\n\n`, ['line 2', 'line 5']],
    ['an array on one line', `[${a},${b}]`, ['item 1', 'item 2']],
    ['an array on many lines', JSON.stringify([A, B], null, 2), ['item 1', 'item 2']],
    ['an array with one item a line', `[\n${a},\n${b}\n]\n`, ['item 1', 'item 2']],
  ])('are read from %s', async (_what, input, [first, second]) => {
    expect(await read(input)).toEqual([`${first}: ${a}`, `${second}: ${b}`]);
    expect(await read(input, 1)).toEqual([`${first}: ${a}`, `${second}: ${b}`]);
  });

  it.each([
    ['on one line', a],
    ['on many lines', JSON.stringify(A, null, 2)],
  ])('are one, if it is one object %s', async (_what, input = '') => {
    expect(await read(input)).toEqual([expect.stringMatching(/^(line|item) 1: \{"id":"a"/)]);
  });

  it('are none in an empty file', async () => {
    expect(await read('')).toEqual([]);
    expect(await read('\n \n')).toEqual([]);
    expect(await read('[]')).toEqual([]);
  });

  it('come with the numbers that are others in them than in the text, each with its own', async () => {
    const digits = '6035710012345678901';
    const bad = `{"id":"c","card":[${digits}]}`;
    const changed = async (input: string) => {
      const found: unknown[] = [];
      for await (const payload of readPayloads(pieces(input, 7))) {
        found.push('data' in payload ? payload.changed : payload);
      }
      return found;
    };
    const its = [{ path: ['card', 0], text: digits }];
    expect(await changed(`${a}\n${bad}\n${b}\n${bad}`)).toEqual([[], its, [], its]);
    expect(await changed(`[${a},\n${bad},${b},${bad}]`)).toEqual([[], its, [], its]);
    expect(await changed(bad.replace('{', '{\n'))).toEqual([its]);
  });

  it('are read on after a line that is no JSON, be it the first', async () => {
    const spoilt = [
      expect.stringMatching(/^line 1: is not JSON: /),
      `line 2: ${a}`,
      expect.stringMatching(/^line 3: is not JSON/),
    ];
    expect(await read(`{"id":\n${a}\n${b}]`)).toEqual(spoilt);
  });

  it('are refused where they are not UTF-8, instead of being changed', async () => {
    const latin1 = Buffer.from('{"note":"é"}\n', 'latin1');
    expect(await read(Buffer.concat([Buffer.from(`${a}\n`), latin1, Buffer.from(`${a}\n`)]))).toEqual([
      `line 1: ${a}`,
      'line 2: is not UTF-8 text',
      `line 3: ${a}`,
    ]);
  });

  it('are refused once, not line by line, where one document is broken', async () => {
    const cut = JSON.stringify(B, null, 2).slice(0, -1);
    expect(await read(cut)).toEqual([expect.stringMatching(/^line 1: is not JSON: /)]);
  });

  it.each([
    [
      'its end is missing',
      `[${a},${b}`,
      [`item 1: ${a}`, `item 2: ${b}`, 'item 3: is missing: the list has no end'],
    ],
    [
      'its end and half an item are',
      `[${a},{"id":`,
      [`item 1: ${a}`, 'item 2: is not JSON', 'item 3: is missing: the list has no end'],
    ],
    ['an item is no JSON', `[${a},{id:1},${b}]`, [`item 1: ${a}`, 'item 2: is not JSON', `item 3: ${b}`]],
    ['an item is lacking', `[${a},,${b}]`, [`item 1: ${a}`, 'item 2: is not JSON', `item 3: ${b}`]],
    ['a comma is too many', `[${a},]`, [`item 1: ${a}`, 'item 2: is not JSON']],
    [
      'something stands behind it',
      `[${a}]\n${b}\n${b}`,
      [`item 1: ${a}`, 'item 2: stands behind the end of the list'],
    ],
  ])('are given as far as a list is whole: %s', async (_what, input, expected) => {
    // What exactly is wrong is told in the words of this Node.
    const brief = (lines: readonly string[]) => lines.map((line) => line.replace(/(is not JSON): .*/, '$1'));
    expect(brief(await read(input))).toEqual(expected);
    expect(brief(await read(input, 1))).toEqual(expected);
  });

  it('are those of any list, however it is written', async () => {
    const written = fc.tuple(
      fc.array(fc.jsonValue()),
      fc.constantFrom(undefined, 1, '\t'),
      fc.integer({ min: 1, max: 9 }),
    );
    await fc.assert(
      fc.asyncProperty(written, async ([items, space, size]) => {
        const expected = items.map((item, index) => `item ${index + 1}: ${JSON.stringify(item)}`);
        expect(await read(JSON.stringify(items, undefined, space), size)).toEqual(expected);
      }),
    );
  });

  it('are given before the end of a list is there', async () => {
    const endless = (async function* () {
      yield Buffer.from('[');
      for (;;) yield Buffer.from(`${a},\n`);
    })();
    const payloads = readPayloads(endless);
    const first = [await payloads.next(), await payloads.next()].map(({ value }) => value?.place.number);
    expect(first).toEqual([1, 2]);
    await payloads.return(undefined);
    expect(await endless.next()).toEqual({ done: true, value: undefined });
  });

  it.each([
    [
      'line',
      'JSON Lines',
      `${a}\n{"note":"`,
      `"}\n${a}\n`,
      [`line 1: ${a}`, 'line 2: is larger than any payload may be', `line 3: ${a}`],
    ],
    [
      'item',
      'a list',
      `[${a},{"note":"`,
      `"},${a}]`,
      [`item 1: ${a}`, 'item 2: is larger than any payload may be, or has no end'],
    ],
  ])('are not kept where one %s of %s has no end in sight', async (_unit, _of, begin, end, expected) => {
    const filler = Buffer.alloc(2 ** 20, 'x');
    const endless = (async function* () {
      yield Buffer.from(begin);
      for (let megabyte = 0; megabyte < 70; megabyte += 1) yield filler;
      yield Buffer.from(end);
    })();
    const payloads: string[] = [];
    for await (const payload of readPayloads(endless)) payloads.push(shown(payload));
    expect(payloads).toEqual(expected);
  });

  it('are given before the end of JSON Lines is there', async () => {
    const endless = (async function* () {
      for (;;) yield Buffer.from(`${a}\n`);
    })();
    const payloads = readPayloads(endless);
    const first = [await payloads.next(), await payloads.next()].map(({ value }) => value?.place.number);
    expect(first).toEqual([1, 2]);
    await payloads.return(undefined);
    // Whoever stops reading closes the source.
    expect(await endless.next()).toEqual({ done: true, value: undefined });
  });
});
