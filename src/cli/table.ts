/** Columns as wide as their longest cell; the last one ragged. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const width = (column: number) => Math.max(...rows.map((row) => (row[column] ?? '').length));
  return rows.map(
    (row) =>
      `  ${row
        .map((cell, column) => cell.padEnd(width(column)))
        .join('  ')
        .trimEnd()}`,
  );
}

/** A text that somebody else wrote, without what would steer the terminal. */
export function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n]|[\u202A-\u202E\u2066-\u2069]/gu, '\uFFFD');
}

export function oneLine(text: string): string {
  return printable(text.replace(/\s+/gu, ' ').trim());
}

/** `columns`: of the terminal; infinite where it is none. */
export function cut(text: string, columns: number): string {
  const letters = Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment);
  return letters.length > columns ? `${letters.slice(0, Math.max(0, columns - 1)).join('')}…` : text;
}
