import { errorMessage } from '../errors.ts';
import { apiKeyProblem, rereadApiKeyFile } from './api-key.ts';

/** Watches over the file that holds the API key. */
export interface KeyFile {
  /** Looks now. Resolves when a look is done that began after this was asked for. */
  look(): Promise<void>;
  /** Nothing is told afterwards. */
  stop(): void;
}

/** What each look tells: the key, whether or not it is another one, or why there is none to be used. */
export interface KeyFileListener {
  readonly onKey: (key: string) => void;
  readonly onProblem: (problem: string) => void;
}

/** Twice a second, so that a busy machine too has the new key within a second. */
const LOOK_MS = 500;

/**
 * Reads the file again and again (why not `fs.watch`: README.md of this folder), by its name, so that it
 * may be rewritten, renamed over, or reached through links that are swapped. One read at a time: on a file
 * system that hangs, each would keep a thread of Node's few, and name lookups need these too.
 */
export function followKeyFile(path: string, { onKey, onProblem }: KeyFileListener): KeyFile {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let underWay: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  async function read(): Promise<void> {
    const found = await readKey(path);
    underWay = undefined;
    if (stopped) return;
    if ('key' in found) onKey(found.key);
    else onProblem(found.problem);
  }

  function look(): Promise<void> {
    if (underWay === undefined) {
      underWay = read();
      return underWay;
    }
    // The one under way may have read the file before what it is asked for now.
    next ??= underWay.then(() => {
      next = undefined;
      return look();
    });
    return next;
  }

  async function lookAndAgain(): Promise<void> {
    await look();
    if (!stopped) timer = setTimeout(() => void lookAndAgain(), LOOK_MS);
  }

  void lookAndAgain();
  return {
    look,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** Never rejects. */
async function readKey(path: string): Promise<{ readonly key: string } | { readonly problem: string }> {
  try {
    const key = await rereadApiKeyFile(path);
    const problem = key === '' ? 'is empty' : apiKeyProblem(key);
    return problem === undefined ? { key } : { problem };
  } catch (error) {
    return { problem: `cannot be read: ${errorMessage(error)}` };
  }
}
