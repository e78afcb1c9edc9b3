import { setImmediate } from 'node:timers/promises';
import type { Transaction } from '../base/database.ts';
import { type ReadRow, readRow } from './lines.ts';
import { createLookout, type Look } from './look.ts';

/** The rows of a look, read. */
interface Reading {
  readonly rows: readonly ReadRow[];
  /** There are more. */
  readonly more: boolean;
  /** Call it when they are taken for good: the next reading begins behind them. */
  taken(): void;
}

export interface Reader {
  /** What is new, as much as one look takes; the same again where it was not taken. */
  next(tx: Transaction): Promise<Reading>;
}

/** Rows that are read at a stretch: whatever else the process does waits for so many. */
const STRETCH = 50;

/**
 * Reads what the POS wrote. Where there is more, the next look is made in the same transaction, and its rows are read
 * while Postgres writes those before.
 */
export function createReader(): Reader {
  const lookout = createLookout();
  let ahead: Promise<Omit<Reading, 'taken'> & { readonly look: Look }> | undefined;

  async function read(looking: Promise<Look>) {
    const look = await looking;
    const rows: ReadRow[] = [];
    for (let start = 0; start < look.rows.length; start += STRETCH) {
      await setImmediate();
      rows.push(...look.rows.slice(start, start + STRETCH).map(readRow));
    }
    return { rows, more: look.more, look };
  }

  return {
    async next(tx) {
      await lookout.writeDown(tx);
      const { rows, more, look } = await (ahead ?? read(lookout.look(tx)));
      const following = more ? read(lookout.look(tx, look)) : undefined;
      // Whoever asks for it is told.
      following?.catch(() => undefined);
      return {
        rows,
        more,
        taken() {
          look.advance();
          ahead = following;
        },
      };
    },
  };
}
