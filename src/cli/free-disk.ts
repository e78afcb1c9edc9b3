import { readFile, statfs } from 'node:fs/promises';

/** Where a server says that it keeps its files. */
interface Home {
  /** Whatever it answered; no text where it does not tell. */
  readonly folder: unknown;
  /** Of a process of the server, by its own account. */
  readonly pid: number;
  /** What a program of that kind is called. */
  readonly program: RegExp;
}

/**
 * What ordinary users may still write there. Undefined where the server is not on this machine: its process
 * is not to be seen here under its number, or its folder is not there.
 */
export async function freeBytes({ folder, pid, program }: Home): Promise<number | undefined> {
  if (typeof folder !== 'string') return undefined;
  try {
    const name = await readFile(`/proc/${pid}/comm`, 'utf8');
    if (!program.test(name)) return undefined;
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
