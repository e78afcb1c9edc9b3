import { describe, expect, it } from '@jest/globals';
import { type ReadRow, readRow } from '../../src/outbox/lines.ts';
import type { OutboxRow } from '../../src/outbox/look.ts';
import { aSale } from '../support/outbox.ts';

function row(data: unknown, jobName = 'push_sales'): OutboxRow {
  const json = typeof data === 'string' ? data : JSON.stringify(data);
  return { xid: '7', id: 1, jobName, createdAt: new Date(0), bytes: Buffer.byteLength(json), json };
}

function sales(data: unknown): Extract<ReadRow, { kind: 'sales' }> {
  const read = readRow(row(data));
  if (read.kind !== 'sales') throw new Error(`no sales: ${JSON.stringify(read)}`);
  return read;
}

function apart(read: ReadRow) {
  if (read.kind !== 'apart') throw new Error(`not set apart: ${read.kind}`);
  return read.line;
}

const two = () => ({ ...aSale('a'), transactions: ['a', 'b'].flatMap((id) => aSale(id).transactions) });
const SUMMARY = { totalOrders: 1, totalRevenue: 9.99 };
const keyOf = (data: unknown) => sales(data).lines[0]?.saleKey;
const groupOf = (data: unknown) => sales(data).lines[0]?.groupKey;

describe('a row of sales', () => {
  it('is one line a transaction, and what it holds besides', () => {
    const { lines, frame } = sales({ ...two(), register: 3 });
    expect(lines).toMatchObject([
      { transactionId: 'a', total: '9.99', locationId: 'store-1', date: '2026-11-24' },
      { transactionId: 'b', total: '9.99' },
    ]);
    expect(JSON.parse(lines[1]?.data ?? '')).toEqual(aSale('b').transactions[0]);
    expect(JSON.parse(frame)).toEqual({ date: '2026-11-24', locationId: 'store-1', register: 3 });
    expect(lines[0]?.bytes).toBe(Buffer.byteLength(lines[0]?.data ?? ''));
  });

  it('tells its sales apart by date, location and content, not by the order of members', () => {
    const reversed = Object.fromEntries(Object.entries(aSale('a')).toReversed());
    expect(keyOf(reversed)).toBe(keyOf(aSale('a')));
    expect(keyOf({ ...aSale('a'), register: 3 })).toBe(keyOf(aSale('a')));
    const others = [aSale('b'), aSale('a', { date: '2026-11-25' }), aSale('a', { locationId: 'store-2' })];
    expect(new Set([aSale('a'), ...others].map(keyOf)).size).toBe(4);
  });

  it('travels with others that hold the same besides transactions', () => {
    expect(groupOf(aSale('a'))).toBe(groupOf(aSale('b')));
    expect(groupOf({ ...aSale('a'), register: 3 })).not.toBe(groupOf(aSale('a')));
    expect(groupOf(aSale('a', { date: '2026-11-25' }))).not.toBe(groupOf(aSale('a')));
  });

  it('of more than 1 MB travels alone', () => {
    expect(groupOf({ ...aSale('a'), note: 'x'.repeat(1024 * 1024) })).toBeNull();
  });

  it('with a summary travels alone, and the summary is a line of its own, the first', () => {
    const { lines } = sales({ ...two(), summary: SUMMARY });
    expect(lines.map(({ transactionId, groupKey }) => [transactionId, groupKey])).toEqual([
      [undefined, null],
      ['a', null],
      ['b', null],
    ]);
    expect(new Set(lines.map(({ saleKey }) => saleKey)).size).toBe(3);
    expect(keyOf(aSale('a', { transactions: [], summary: SUMMARY }))).toBe(lines[0]?.saleKey);
  });

  it.each([0, -4.5, 1e-7, 0.1, 9007199254740991])('keeps the total %p as it was given', (total) => {
    const [one] = aSale('a').transactions;
    const given = sales({ ...aSale('a'), transactions: [{ ...one, total }] });
    expect(Number(given.lines[0]?.total)).toBe(total);
  });
});

describe('what can not be sent', () => {
  it('is set apart as it is, with all its reasons', () => {
    const bad = { ...aSale('a'), date: '2026-02-30' };
    expect(apart(readRow(row(bad)))).toMatchObject({
      fate: 'apart',
      locationId: 'store-1',
      transactionId: 'a',
      reason: 'date: must be a calendar date as YYYY-MM-DD',
      data: JSON.stringify(bad),
    });
    const line = apart(readRow(row({ ...two(), date: 'x' })));
    expect(line.transactionId).toBeNull();
  });

  it('is also what a double changes', () => {
    const json = JSON.stringify({ ...aSale('a'), loyaltyCard: 'CARD' }).replace(
      '"CARD"',
      '6035710012345678901',
    );
    expect(apart(readRow(row(json))).reason).toMatch(/^loyaltyCard: .*send it as text/);
  });

  it('is also what was too large to be read', () => {
    const line = apart(readRow({ ...row(aSale('a')), json: null, bytes: 11_000_000 }));
    expect(line).toMatchObject({ reason: 'it is larger than 10 MB as JSON', data: null, bytes: 11_000_000 });
  });

  it.each([
    ['no object', '[]'],
    ['null', 'null'],
    ['a text', '"sale"'],
  ])('is also %s', (_, json) => {
    expect(apart(readRow(row(json))).fate).toBe('apart');
  });

  it('is also a job that nobody knows', () => {
    expect(apart(readRow(row({}, 'push_sale'))).reason).toMatch(/is no job name/);
  });
});

describe('a catalog that is asked for', () => {
  it('is no sale', () => {
    expect(readRow(row({ locationId: 'store-1' }, 'fetch_inventory'))).toMatchObject({
      kind: 'fetch',
      job: { name: 'fetch_inventory', locationId: 'store-1' },
    });
  });
});
