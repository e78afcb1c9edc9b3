import { ConexxusSyncError } from '../base/errors.ts';
import type { TillSale } from '../outbox/compare.ts';
import { openInput } from './input-file.ts';

/** What a till lists of its day, as CSV. */
export interface TillList {
  readonly sales: readonly TillSale[];
  readonly badLines: readonly BadLine[];
}

export interface BadLine {
  /** From 1, the header's, as an editor counts. */
  readonly line: number;
  readonly problem: string;
}

/** It is no such list, so that nothing was compared. */
class NoTillListError extends ConexxusSyncError {
  readonly code = 'NO_TILL_LIST';
}

interface Columns {
  readonly id: number;
  readonly total: number;
  readonly count: number;
}

const BYTES_MAX = 64 * 1024 * 1024;
const SHOWN_MAX = 60;
const FIELD = /(?:[ \t]*"((?:[^"]|"")*)"[ \t]*|([^",]*))(,|$)/y;
const NUMBER = /^[+-]?\d{1,30}(?:\.\d{1,30})?$/;
const CONTROL = /\p{Cc}/u;

/** @throws NoTillListError */
export async function readTillList(file: string): Promise<TillList> {
  const lines = (await textOf(file)).split(/\r\n|\n|\r/);
  const columns = columnsOf(file, lines[0] ?? '');
  const sales: TillSale[] = [];
  const badLines: BadLine[] = [];
  for (const [index, text] of lines.entries()) {
    if (index === 0 || text.trim() === '') continue;
    const read = saleOf(text, columns);
    if (typeof read === 'string') badLines.push({ line: index + 1, problem: read });
    else sales.push(read);
  }
  return { sales, badLines };
}

/** Without a byte order mark. */
async function textOf(file: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of openInput(file).chunks) {
    bytes += chunk.length;
    if (bytes > BYTES_MAX) throw new NoTillListError(`${file} is too large for the list of a till's day`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** In any order, and among others. */
function columnsOf(file: string, header: string): Columns {
  const names = fieldsOf(header)?.map((name) => name.toLowerCase()) ?? [];
  const [id, total] = [names.indexOf('transaction_id'), names.indexOf('total')];
  if (id >= 0 && total >= 0) return { id, total, count: names.length };
  throw new NoTillListError(
    `The first line of ${file} must name the columns, transaction_id,total; it is: ${shown(header)}`,
  );
}

/** A sale, or what is wrong with its line. */
function saleOf(text: string, columns: Columns): TillSale | string {
  const fields = fieldsOf(text);
  if (fields === undefined) return `a quote is out of place: ${shown(text)}`;
  if (fields.length !== columns.count) {
    return `it has ${fields.length} fields, and the header ${columns.count}: ${shown(text)}`;
  }
  const [id = '', total = ''] = [fields[columns.id], fields[columns.total]];
  if (id === '' || CONTROL.test(id)) return `it has no transaction id: ${shown(text)}`;
  if (!NUMBER.test(total)) return `its total is no decimal number like 12.50: ${shown(text)}`;
  return { id, total };
}

/** Undefined where a quote neither opens nor closes a field. */
function fieldsOf(text: string): string[] | undefined {
  const fields: string[] = [];
  FIELD.lastIndex = 0;
  for (;;) {
    const [, quoted, bare = '', end] = FIELD.exec(text) ?? [];
    if (end === undefined) return undefined;
    fields.push(quoted === undefined ? bare.trim() : quoted.replaceAll('""', '"'));
    if (end === '') return fields;
  }
}

function shown(text: string): string {
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}
