import { type SQL, sql } from 'drizzle-orm';
import * as z from 'zod';
import type { Database } from '../base/database.ts';

/** What the event log knows of a job, for whoever has to decide on its payload. */
export interface Fate {
  /** All but its failed attempts, oldest first. */
  readonly turns: readonly Turn[];
  readonly failures: Failures;
}

/** One row. What it does not have is undefined; `flagged` and `refused` are false and empty then. */
type Turn = z.infer<typeof turnSchema>;

/** Its failed attempts together: there may be hundreds. */
interface Failures {
  /** Null: none failed. */
  readonly lastAt: Date | null;
  /** Some try of the payload has no known end: not these alone, also what a process that died left behind. */
  readonly inDoubt: boolean;
}

/** How a job stands by the log. `open`: on its way, brought back, or nothing is known of it. */
export type Standing =
  | { readonly kind: 'open' }
  /** `flagged`: by an answer that names refusals; `refused`: the transactions it names. */
  | {
      readonly kind: 'delivered';
      readonly at: Date;
      readonly flagged: boolean;
      readonly refused: readonly string[];
    }
  | { readonly kind: 'dead'; readonly at: Date; readonly outcome: string; readonly reason: string }
  | { readonly kind: 'discarded'; readonly at: Date; readonly reason: string }
  /** A person edited it into another sale, which goes in its place: `by` is the job of that. */
  | { readonly kind: 'replaced'; readonly at: Date; readonly reason: string; readonly by: string }
  | { readonly kind: 'split'; readonly at: Date; readonly halves: readonly string[] };

const text = z.string().optional().catch(undefined);
const flag = z.boolean().catch(false);
const texts = z.array(z.string()).catch([]);

const turnSchema = z.object({
  what: z.enum(['succeeded', 'known', 'dead_lettered', 'replayed', 'discarded', 'replaced', 'split']),
  at: z.coerce.date(),
  outcome: text,
  error: z.object({ code: z.string(), message: z.string() }).optional().catch(undefined),
  /** A 409: it says nothing of refusals. */
  duplicate: flag,
  flagged: flag,
  refused: texts,
  /** A person's, or the relay's. */
  reason: text,
  replacedBy: text,
  /** Sync keys of a batch that was split. */
  halves: texts,
});

const turnsSchema = z
  .array(turnSchema.optional().catch(undefined))
  .transform((turns) => turns.filter((turn) => turn !== undefined));

interface FateRow extends Record<string, unknown> {
  readonly jobId: string;
  readonly turns: unknown;
  readonly lastAt: string | null;
  readonly inDoubt: boolean;
}

/**
 * Of those of the jobs that it knows, by one look at the index. Meant for a few hundred at once, and jobs with a sync
 * key: of others it can't tell whether a try is in doubt.
 */
export async function readFates(
  database: Pick<Database, 'read'>,
  jobIds: readonly string[],
): Promise<Map<string, Fate>> {
  if (jobIds.length === 0) return new Map();
  const rows = await database.read((tx) => tx.execute<FateRow>(fatesQuery(jobIds)));
  return new Map(rows.map((row) => [row.jobId, fateOf(row)]));
}

function fateOf({ turns, lastAt, inDoubt }: FateRow): Fate {
  return {
    turns: turnsSchema.parse(turns),
    failures: { lastAt: lastAt === null ? null : new Date(lastAt), inDoubt },
  };
}

/**
 * Also for whoever looks at its plan. OFFSET 0: job by job, by the index; of a table that was never analyzed a planner
 * may think that to read it all is less.
 */
export function fatesQuery(jobIds: readonly string[]): SQL {
  const given = JSON.stringify([...new Set(jobIds)]);
  // At the same millisecond a death comes first: only a dead job is replayed, discarded, replaced or split. A row without a
  // sync key is of a version that does not say whether it leaves doubt.
  return sql`
    select job_id as "jobId",
      coalesce(jsonb_agg(
        payload - array['data', 'answer'] || jsonb_build_object('what', what, 'at', "timestamp")
        order by "timestamp", what <> 'dead_lettered') filter (where what <> 'failed'), '[]') as turns,
      max("timestamp") filter (where what = 'failed') as "lastAt",
      coalesce(bool_or(payload -> 'inDoubt' = 'true' or payload -> 'syncKey' is null)
        filter (where what = 'failed'), false) as "inDoubt"
    from jsonb_array_elements_text(${given}::text::jsonb) as job_id
    cross join lateral (
      select split_part(event_type, '.', 2) as of, split_part(event_type, '.', 3) as what, payload, "timestamp"
      from event_log where aggregate_id = job_id offset 0
    ) as logged
    where of = 'sync' group by job_id`;
}

/**
 * Once delivered it is that for good, whatever else is written later. Else the last turn says, unless the job failed
 * after it: then it came to the queue again.
 */
export function standingOf({ turns, failures }: Fate): Standing {
  const first = turns.find(({ what }) => what === 'succeeded' || what === 'known');
  if (first !== undefined) return { kind: 'delivered', at: first.at, ...refusalsIn(turns) };
  const last = turns.at(-1);
  if (last === undefined || (failures.lastAt !== null && failures.lastAt > last.at)) return { kind: 'open' };
  const { at, outcome = '', error, reason = '', replacedBy = '', halves } = last;
  switch (last.what) {
    case 'dead_lettered':
      return { kind: 'dead', at, outcome, reason: error ? `${error.code}: ${error.message}` : outcome };
    case 'discarded':
      return { kind: 'discarded', at, reason };
    case 'replaced':
      return { kind: 'replaced', at, reason, by: replacedBy };
    case 'split':
      return { kind: 'split', at, halves };
    default:
      return { kind: 'open' };
  }
}

/** What the newest answer says that took the payload. */
function refusalsIn(turns: readonly Turn[]) {
  const answers = turns.filter(({ what, duplicate }) => what === 'succeeded' && !duplicate);
  const { flagged, refused } = answers.at(-1) ?? { flagged: false, refused: [] };
  return { flagged, refused };
}
