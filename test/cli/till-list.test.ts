import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readTillList } from '../../src/cli/till-list.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'till-list-'));
});

afterAll(() => rm(folder, { recursive: true }));

async function read(text: string | Buffer) {
  const file = join(folder, 'z.csv');
  await writeFile(file, text);
  return readTillList(file);
}

describe('the list of a till', () => {
  it.each([
    ['as it should be', 'transaction_id,total\nT-1,1.50\nT-2,-2\n'],
    ['from Windows, with a byte order mark', '\uFEFFtransaction_id,total\r\nT-1,1.50\r\nT-2,-2\r\n'],
    ['quoted', '"transaction_id","total"\n"T-1","1.50"\n "T-2" , -2 '],
    ['with other columns in another order', 'Total,time,Transaction_ID\n1.50,09:15,T-1\n-2,"a, ""b""",T-2\n'],
    ['with empty lines', 'transaction_id,total\n\nT-1,1.50\n  \nT-2,-2\n\n'],
  ])('is read %s', async (_how, text) => {
    expect(await read(text)).toEqual({
      sales: [
        { id: 'T-1', total: '1.50' },
        { id: 'T-2', total: '-2' },
      ],
      badLines: [],
    });
  });

  it('keeps what is quoted', async () => {
    const { sales } = await read('transaction_id,total\n"T ""1"", a",+0.01\n');
    expect(sales).toEqual([{ id: 'T "1", a', total: '+0.01' }]);
  });

  it('names each bad line by its number, and loses no other to it', async () => {
    const bad = [
      'T-1',
      'T-2,1,2',
      'T-3,1.5e3',
      'T-4,"1',
      'T"5",1',
      ',1',
      'T-7,1,',
      'T-8,1 234',
      '"T-9"x,1',
      'T-\u00010,1',
    ];
    const { sales, badLines } = await read(['transaction_id,total', ...bad, 'T-99,1'].join('\n'));
    expect(sales).toEqual([{ id: 'T-99', total: '1' }]);
    expect(badLines).toEqual([
      { line: 2, problem: 'it has 1 fields, and the header 2: T-1' },
      { line: 3, problem: 'it has 3 fields, and the header 2: T-2,1,2' },
      { line: 4, problem: 'its total is no decimal number like 12.50: T-3,1.5e3' },
      { line: 5, problem: 'a quote is out of place: T-4,"1' },
      { line: 6, problem: 'a quote is out of place: T"5",1' },
      { line: 7, problem: 'it has no transaction id: ,1' },
      { line: 8, problem: 'it has 3 fields, and the header 2: T-7,1,' },
      { line: 9, problem: 'its total is no decimal number like 12.50: T-8,1 234' },
      { line: 10, problem: 'a quote is out of place: "T-9"x,1' },
      { line: 11, problem: expect.stringMatching(/^it has no transaction id/) },
    ]);
  });

  it.each([
    ['without a header', 'T-1,1.50\n', /must name the columns, transaction_id,total; it is: T-1,1\.50$/],
    ['with other separators', 'transaction_id;total\nT-1;1\n', /must name the columns/],
    ['that is empty', '', /must name the columns/],
    ['in UTF-16', Buffer.from('\uFEFFtransaction_id,total\nT-1,1', 'utf16le'), /must name the columns/],
  ])('is refused %s', async (_how, text, message) => {
    await expect(read(text)).rejects.toThrow(message);
  });

  it('is refused where there is none', async () => {
    await expect(readTillList(join(folder, 'none.csv'))).rejects.toThrow(/^Cannot read /);
  });
});
