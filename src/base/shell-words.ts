/** Arguments of a command that a person copies, as a POSIX shell reads them. */
export function shellWords(...words: readonly string[]): string {
  return words.map((word) => (/^[\w.:/@-]+$/.test(word) ? word : quoted(word))).join(' ');
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
