import { readFileSync } from 'node:fs';

interface WayBack {
  readonly migration: string;
  /** SQL. */
  readonly statements: string;
}

const ENTRY = /^- \*\*Locks\*\*.*^- \*\*How long\*\*.*^- \*\*The way back\*\*.*```sql\n(.*)```/ms;

/** Of each migration, newest first, as drizzle/README.md tells it; those of the outbox begin with `outbox/`. */
export function waysBack(set: '' | 'outbox/' = ''): WayBack[] {
  const [, ...sections] = readFileSync('drizzle/README.md', 'utf8').split('\n## ');
  return sections.toReversed().flatMap((section) => {
    const [title = ''] = section.split('\n', 1);
    const migration = title.slice(set.length);
    if (!title.startsWith(set) || migration.includes('/')) return [];
    return [{ migration, statements: ENTRY.exec(section)?.[1] ?? '' }];
  });
}

/** The migrations that the version in this folder knows, oldest first. */
export function migrationsIn(folder: string, set = 'drizzle'): string[] {
  const journal: { entries: { tag: string }[] } = JSON.parse(
    readFileSync(`${folder}/${set}/meta/_journal.json`, 'utf8'),
  );
  return journal.entries.map(({ tag }) => tag);
}
