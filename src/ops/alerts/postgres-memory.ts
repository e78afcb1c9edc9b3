import { and, eq, gt, isNull, lt, or, type SQL, sql } from 'drizzle-orm';
import type { Database, Transaction } from '../../base/database.ts';
import { type Incident, incidentSchema } from './incident.ts';
import { FINISHED_KEPT_MS, type Memory, marksSchema, TOO_LATE_MS } from './incidents.ts';
import { alertIncidents, alertSender } from './schema.ts';

/** A place where the memory is, with the lease of who may change it. All reject as their server does. */
export interface MemoryStore {
  /** The memory, where it is this dashboard's turn; null: it is another's. Takes or prolongs the lease. */
  take(): Promise<Memory | null>;
  /** And prolongs the lease. False: it is not this dashboard's turn any more; nothing was written. */
  save(memory: Memory): Promise<boolean>;
  release(): Promise<void>;
}

export interface PostgresMemoryDeps {
  readonly database: Pick<Database, 'write'>;
  readonly namespace: string;
  readonly owner: string;
  readonly leaseMs: number;
  readonly retentionDays: number;
}

export function createPostgresMemory(deps: PostgresMemoryDeps): MemoryStore {
  const { database, namespace, owner } = deps;
  // What is there of it; null: not known.
  let saved: Memory | null = null;
  return {
    async take() {
      saved = await database.write(async (tx) => {
        const row = await takeTurn(tx, deps);
        if (row === undefined) return null;
        const { revision, marks } = row;
        if (saved?.revision === revision) return saved;
        return { revision, marks: marksSchema.parse(marks), incidents: await readIncidents(tx, namespace) };
      });
      return saved;
    },
    async save(memory) {
      const known = new Set(saved?.incidents);
      // Where the commit's answer is lost, nobody knows what is there.
      saved = null;
      const isOurs = await database.write(async (tx) => {
        if (!(await keepTurn(tx, deps, memory))) return false;
        const news = memory.incidents.filter((incident) => !known.has(incident));
        for (const incident of news) await write(tx, namespace, incident);
        await forgetOld(tx, deps);
        return true;
      });
      saved = isOurs ? memory : null;
      return isOurs;
    },
    async release() {
      await database.write((tx) =>
        tx
          .update(alertSender)
          .set({ until: sql`now()` })
          .where(and(eq(alertSender.namespace, namespace), eq(alertSender.owner, owner))),
      );
    },
  };
}

function fromNow(ms: number): SQL {
  return sql`now() + make_interval(secs => ${ms / 1_000})`;
}

async function takeTurn(tx: Transaction, { namespace, owner, leaseMs }: PostgresMemoryDeps) {
  const until = fromNow(leaseMs);
  const marks: Memory['marks'] = { openings: null, deadUntil: null };
  const [row] = await tx
    .insert(alertSender)
    .values({ namespace, owner, until, revision: 0, marks })
    .onConflictDoUpdate({
      target: alertSender.namespace,
      set: { owner, until },
      setWhere: sql`${alertSender.owner} = ${owner} or ${alertSender.until} < now()`,
    })
    .returning({ revision: alertSender.revision, marks: alertSender.marks });
  return row;
}

async function keepTurn(
  tx: Transaction,
  { namespace, owner, leaseMs }: PostgresMemoryDeps,
  { revision, marks }: Memory,
): Promise<boolean> {
  const rows = await tx
    .update(alertSender)
    .set({ until: fromNow(leaseMs), revision, marks })
    .where(and(eq(alertSender.namespace, namespace), eq(alertSender.owner, owner)))
    .returning({ owner: alertSender.owner });
  return rows.length > 0;
}

async function readIncidents(tx: Transaction, namespace: string): Promise<Incident[]> {
  const { endToldAt, endedAt } = alertIncidents;
  const isFresh = and(
    or(isNull(endToldAt), gt(endToldAt, fromNow(-FINISHED_KEPT_MS))),
    or(isNull(endedAt), gt(endedAt, fromNow(-TOO_LATE_MS))),
  );
  const rows = await tx
    .select()
    .from(alertIncidents)
    .where(and(eq(alertIncidents.namespace, namespace), isFresh))
    .orderBy(alertIncidents.begunAt);
  return rows.map((row) =>
    incidentSchema.parse({
      ...row,
      begunAt: row.begunAt.getTime(),
      toldAt: ms(row.toldAt),
      quietSince: ms(row.quietSince),
      endedAt: ms(row.endedAt),
      endToldAt: ms(row.endToldAt),
    }),
  );
}

function ms(time: Date | null): number | null {
  return time === null ? null : time.getTime();
}

function date(at: number | null): Date | null {
  return at === null ? null : new Date(at);
}

async function write(tx: Transaction, namespace: string, incident: Incident): Promise<void> {
  const row = {
    ...incident,
    namespace,
    begunAt: new Date(incident.begunAt),
    toldAt: date(incident.toldAt),
    quietSince: date(incident.quietSince),
    endedAt: date(incident.endedAt),
    endToldAt: date(incident.endToldAt),
  };
  await tx.insert(alertIncidents).values(row).onConflictDoUpdate({ target: alertIncidents.id, set: row });
}

async function forgetOld(tx: Transaction, { namespace, retentionDays }: PostgresMemoryDeps): Promise<void> {
  const isOld = lt(alertIncidents.endedAt, sql`now() - make_interval(days => ${retentionDays})`);
  await tx.delete(alertIncidents).where(and(eq(alertIncidents.namespace, namespace), isOld));
}
