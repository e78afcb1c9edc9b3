import { readFileSync } from 'node:fs';

const LENGTH_MIN = 10;

/** What is wrong with a key, to be read after a variable's name. */
export function apiKeyProblem(key: string): string | undefined {
  if (key.length < LENGTH_MIN) {
    return `appears to be invalid (too short): it needs at least ${LENGTH_MIN} characters`;
  }
  if (/^[\x21-\x7e]+$/.test(key)) return undefined;
  return 'appears to be invalid (has characters that no HTTP header carries)';
}

/** Without the line end that an editor put behind it. Throws what the system says of a file that cannot be read. */
export function readApiKeyFile(path: string): string {
  return readFileSync(path, 'utf8').trim();
}
