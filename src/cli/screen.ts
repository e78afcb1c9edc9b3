/** A screen that is drawn over in place. */
export interface Screen {
  /** As many lines as there is room for, in one write. */
  draw(lines: readonly string[]): void;
  /** Gives the terminal back; what was drawn last stays. */
  end(): void;
}

type Terminal = Pick<NodeJS.WriteStream, 'write' | 'rows' | 'writableNeedDrain'>;

const HIDE_CURSOR = '\u001B[?25l';
const SHOW_CURSOR = '\u001B[?25h';
const CLEAR = '\u001B[2J';
const HOME = '\u001B[H';
const CLEAR_LINE = '\u001B[K';
const CLEAR_BELOW = '\u001B[J';
/** Around each frame: what is wider than it was counted is cut off, and does not move all that follows. */
const [NO_WRAP, WRAP] = ['\u001B[?7l', '\u001B[?7h'];

export function createScreen(terminal: Terminal): Screen {
  let isOurs = false;
  return {
    draw(lines) {
      // It has not shown the last one yet.
      if (terminal.writableNeedDrain) return;
      const shown = lines.slice(0, Math.max(1, terminal.rows - 1));
      const frame = shown.map((line) => `${line}${CLEAR_LINE}\r\n`).join('');
      const begin = isOurs ? '' : `${HIDE_CURSOR}${CLEAR}`;
      isOurs = true;
      terminal.write(`${begin}${NO_WRAP}${HOME}${frame}${CLEAR_BELOW}${WRAP}`);
    },
    end() {
      // The terminal may have shown the Ctrl-C.
      if (isOurs) terminal.write(`\r${CLEAR_LINE}${SHOW_CURSOR}`);
      isOurs = false;
    },
  };
}
