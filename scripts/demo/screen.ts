import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';

/** What the demo shows. On a terminal with a live last line; else as plain lines. */
export interface Screen {
  /** A person can see it and press Ctrl-C. */
  readonly interactive: boolean;
  heading(text: string): void;
  /** A sentence of the story, after the seconds since `startClock`. `at`: when it was so, ms since 1970. */
  say(text: string, at?: number): void;
  /** A sentence beside the story. */
  note(text: string, tone?: Tone): void;
  /** Lines as they are: queries, tables. */
  print(lines: readonly string[], tone?: Tone): void;
  /** The live last line; of its parts those are shown that fit. Nothing where there is no terminal. */
  status(parts: readonly Part[]): void;
  /** Takes the live line away, and shows nothing more after the last words. */
  close(lastWords?: string): void;
  startClock(): void;
}

type Tone = 'bold' | 'dim' | 'green' | 'yellow' | 'red';
export type Part = readonly [text: string, tone?: Tone | undefined];

const WIDTH_MAX = 100;
const WIDTH_MIN = 30;
const SEPARATOR = ' | ';
const TIME_WIDTH = 9;
const INDENT = '  ';
/** To the first column, and whatever is there is gone. */
const CLEAR_LINE = '\r\u001B[K';

export function createScreen(stream: WriteStream): Screen {
  const terminal = stream.isTTY && process.env['TERM'] !== 'dumb';
  const coloured = terminal && stream.hasColors() && (process.env['NO_COLOR'] ?? '') === '';
  const paint = (text: string, tone?: Tone) => (tone && coloured ? styleText(tone, text) : text);
  const width = () => (terminal ? Math.max(WIDTH_MIN, Math.min(WIDTH_MAX, stream.columns) - 1) : WIDTH_MAX);
  let startedAt = Date.now();
  let shown = '';
  let closed = false;

  // Who reads us may go away (`| head`): the demo still ends in good order.
  stream.on('error', () => undefined);

  function write(lines: readonly string[]): void {
    if (closed) return;
    stream.write(`${shown === '' ? '' : CLEAR_LINE}${lines.join('\n')}\n${shown}`);
  }

  function print(lines: readonly string[], tone?: Tone): void {
    write(lines.map((line) => (line === '' ? '' : INDENT + paint(line, tone))));
  }

  return {
    interactive: terminal && process.stdin.isTTY,
    heading: (text) => write(['', ...wrap(text, width()).map((line) => paint(line, 'bold'))]),
    say(text, at = Date.now()) {
      const time = `${(Math.max(0, at - startedAt) / 1_000).toFixed(1)} s`.padStart(TIME_WIDTH - 2);
      const [first = '', ...more] = wrap(text, width() - TIME_WIDTH);
      write([`${paint(time, 'dim')}  ${first}`, ...more.map((line) => ' '.repeat(TIME_WIDTH) + line)]);
    },
    note: (text, tone) => print(wrap(text, width() - INDENT.length), tone),
    print,
    status(parts) {
      if (!terminal || closed) return;
      const line = fitting(parts, width());
      shown = line.map(([text, tone]) => paint(text, tone)).join(paint(SEPARATOR, 'dim'));
      stream.write(CLEAR_LINE + shown);
    },
    close(lastWords) {
      if (closed) return;
      if (shown !== '') stream.write(CLEAR_LINE);
      shown = '';
      if (lastWords !== undefined) write(['', lastWords]);
      closed = true;
    },
    startClock: () => {
      startedAt = Date.now();
    },
  };
}

function fitting(parts: readonly Part[], width: number): readonly Part[] {
  const line: Part[] = [];
  let length = 0;
  for (const [text, tone] of parts) {
    length += text.length + (line.length > 0 ? SEPARATOR.length : 0);
    if (length > width) break;
    line.push([text, tone]);
  }
  return line;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Rows as lines, their columns aligned: numbers to the right. */
export function columns(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => String(row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return typeof cell === 'number' ? String(cell).padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
