import { jsonParser, type Token } from 'stream-json/core/parser.js';
import { JsonNumber } from '../base/json-number.ts';
import { type Envelope, LISTED, toEnvelope } from './wire.ts';

/** Takes one item of a list: its own members, numbers as `JsonNumber`, and what is nested in them as `{}` or `[]`. */
export type OnItem = (item: unknown) => void;

/** Reads an answer while it comes, of which only an item at a time is ever whole. */
export interface ItemReader {
  /** The next piece of the body, of any length. */
  write(text: string): void;
  /** After the last piece. Its `data` is `LISTED` for a list; undefined for what is not an answer of this API. */
  end(): Envelope | undefined;
}

/** Gives each item of the list in `data` to `onItem`. Whether the answer holds as a whole is known only at its end. */
export function createItemReader(onItem: OnItem): ItemReader {
  const parse = jsonParser({ streamValues: false });
  const answer = new Assembler(onItem);
  let isJson = true;
  return {
    write(text) {
      if (!isJson || text === '') return;
      try {
        for (const token of tokensOf(parse(text))) answer.take(token);
      } catch {
        isJson = false;
      }
    },
    end: () => (isJson ? toEnvelope(answer.whole()) : undefined),
  };
}

/** Several tokens come in a wrapping of the library's own. */
function tokensOf(parsed: ReturnType<ReturnType<typeof jsonParser>>): readonly Token[] {
  return typeof parsed === 'object' && parsed !== null && 'values' in parsed ? parsed.values : [];
}

type Members = Map<string, unknown>;

/** How deep what is read lies: the answer's members, the list in `data`, an item's members. */
const ANSWER = 1;
const LIST = 2;
const ITEM = 3;

/** Puts tokens together: the answer without its list, and each item of that. */
class Assembler {
  readonly #onItem: OnItem;
  readonly #answer: Members = new Map();
  #isObject = false;
  #lists = 0;
  #depth = 0;
  /** Of the member that comes next, of the answer or of an item. */
  #name = '';
  #inList = false;
  #item: Members | undefined;

  constructor(onItem: OnItem) {
    this.#onItem = onItem;
  }

  take(token: Token): void {
    const { name } = token;
    if (name === 'startObject' || name === 'startArray') this.#begin(name === 'startObject');
    else if (name === 'endObject' || name === 'endArray') this.#end();
    else if (name === 'numberValue') this.#put(this.#depth, new JsonNumber(token.value));
    else if (name !== 'keyValue' && 'value' in token) this.#put(this.#depth, token.value);
    else if (name === 'keyValue' && (this.#depth === ANSWER || this.#depth === ITEM))
      this.#name = token.value;
  }

  /** Undefined where it is cut off, no object, or has two lists, of which nobody knows which one is meant. */
  whole(): unknown {
    const isWhole = this.#isObject && this.#depth === 0 && this.#lists < 2;
    return isWhole ? Object.fromEntries(this.#answer) : undefined;
  }

  #begin(isObject: boolean): void {
    this.#depth += 1;
    if (this.#depth === ANSWER) this.#isObject = isObject;
    else if (this.#depth === LIST && !isObject && this.#name === 'data') this.#beginList();
    else if (this.#depth === ITEM && this.#inList && isObject) this.#item = new Map();
    else this.#put(this.#depth - 1, isObject ? {} : []);
  }

  #beginList(): void {
    this.#lists += 1;
    this.#inList = true;
    this.#answer.set(this.#name, LISTED);
  }

  #end(): void {
    this.#depth -= 1;
    if (this.#depth === ANSWER) this.#inList = false;
    if (this.#depth !== LIST || this.#item === undefined) return;
    this.#onItem(Object.fromEntries(this.#item));
    this.#item = undefined;
  }

  #put(depth: number, value: unknown): void {
    if (depth === ANSWER) this.#answer.set(this.#name, value);
    else if (depth === LIST && this.#inList) this.#onItem(value);
    else if (depth === ITEM) this.#item?.set(this.#name, value);
  }
}
