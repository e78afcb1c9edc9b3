import { type SQL, sql } from 'drizzle-orm';

/**
 * The types there are that begin so, as a column `type`. The table is asked by leaps through the index of types: it may
 * have a million rows of each.
 */
export function typesBeginningWith(beginning: string): SQL {
  const next = (condition: SQL) => sql`(
    select event_type from event_log where event_type like ${likeBeginning(beginning)} and ${condition}
    order by event_type using ~<~ limit 1)`;
  return sql`
    with recursive kind as (
      select ${next(sql`true`)} as type
      union all
      select ${next(sql`event_type ~>~ kind.type`)} from kind where kind.type is not null
    )
    select type from kind where type is not null`;
}

/** What `like` takes for all texts that begin so. */
export function likeBeginning(beginning: string): string {
  return `${beginning.replace(/[\\%_]/g, '\\$&')}%`;
}
