import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

const LENGTH_MIN = 10;

/** What is wrong with a key, to be read after a variable's name: at the start, and at each change. */
export function apiKeyProblem(key: string): string | undefined {
  if (key.length < LENGTH_MIN) {
    return `appears to be invalid (too short): it needs at least ${LENGTH_MIN} characters`;
  }
  if (/^[\x21-\x7e]+$/.test(key)) return undefined;
  return 'appears to be invalid (has characters that no HTTP header carries)';
}

/** Throws what the system says of a file that cannot be read. */
export function readApiKeyFile(path: string): string {
  return keyIn(readFileSync(path, 'utf8'));
}

/**
 * The same, while other things go on. A link that is swapped while it is followed leads to what is removed just
 * then: followed once more, it leads to the new file.
 */
export async function rereadApiKeyFile(path: string): Promise<string> {
  return keyIn(await readFile(path, 'utf8').catch(() => readFile(path, 'utf8')));
}

/** Without the line end that an editor put behind it. */
function keyIn(text: string): string {
  return text.trim();
}
