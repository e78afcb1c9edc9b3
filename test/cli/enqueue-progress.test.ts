import { describe, expect, it } from '@jest/globals';
import { createProgress, paceWords } from '../../src/cli/enqueue-progress.ts';

const at = (seconds: number, payloads: number, bytes: number, total: number | undefined = 1_000) => ({
  atMs: seconds * 1_000,
  payloads,
  bytes,
  total,
});

describe('the pace of an enqueuing', () => {
  it.each([
    ['seconds', at(0, 0, 0), at(2, 15_800, 100), ['7,900 a second', '18 s left']],
    ['minutes', at(0, 0, 0), at(10, 100, 50), ['10 a second', '3 min 10 s left']],
    ['hours', at(0, 0, 0), at(100, 10, 10), ['0 a second', '2 h 45 min left']],
    ['its end', at(0, 0, 0), at(1, 9, 1_000), ['9 a second', '0 s left']],
    ['the input having stood still', at(0, 0, 500), at(1, 9, 500), ['9 a second']],
    ['no time gone by', at(1, 9, 500), at(1, 9, 500), []],
  ])('is told with the time left: %s', (_what, before, now, words) => {
    expect(paceWords(before, now)).toEqual(words);
  });

  it('is told alone where nobody knows how much is to come', () => {
    expect(paceWords({ ...at(0, 0, 0), total: undefined }, { ...at(1, 9, 9), total: undefined })).toEqual([
      '9 a second',
    ]);
  });
});

describe('progress on a terminal', () => {
  function terminal() {
    const written: string[] = [];
    return { written, write: (text: string) => written.push(text) > 0 };
  }

  it('is one line, written over a few times a second, and wiped at the end', () => {
    const { written, write } = terminal();
    const progress = createProgress({ write });
    progress.show('1 accepted', at(0, 0, 0));
    progress.show('2 accepted', at(0.1, 2, 2));
    progress.show('3 accepted', at(0.5, 3, 3));
    progress.clear();
    progress.clear();
    expect(written).toEqual([
      '\r\u001B[K1 accepted',
      '\r\u001B[K3 accepted, 6 a second, 2 min 47 s left',
      '\r\u001B[K',
    ]);
  });

  it('goes by the last ten seconds: what is known goes faster than what is new', () => {
    const { written, write } = terminal();
    const progress = createProgress({ write });
    for (let second = 0; second <= 30; second += 1) {
      const payloads = second <= 15 ? 10_000 * second : 150_000 + 100 * (second - 15);
      progress.show('', at(second, payloads, second));
    }
    expect(written.at(-1)).toContain(' 100 a second');
  });
});
