import { readFileSync } from 'node:fs';

interface WayBack {
  readonly migration: string;
  /** SQL. */
  readonly statements: string;
}

const ENTRY = /^- \*\*Locks\*\*.*^- \*\*How long\*\*.*^- \*\*The way back\*\*.*```sql\n(.*)```/ms;

/** Of each migration, newest first, as drizzle/README.md tells it. */
export function waysBack(): WayBack[] {
  const [, ...sections] = readFileSync('drizzle/README.md', 'utf8').split('\n## ');
  return sections.toReversed().map((section) => ({
    migration: section.split('\n', 1)[0] ?? '',
    statements: ENTRY.exec(section)?.[1] ?? '',
  }));
}

/** The migrations that the version in this folder knows, oldest first. */
export function migrationsIn(folder: string): string[] {
  const journal: { entries: { tag: string }[] } = JSON.parse(
    readFileSync(`${folder}/drizzle/meta/_journal.json`, 'utf8'),
  );
  return journal.entries.map(({ tag }) => tag);
}
