import type { Context } from 'hono';
import type { JobAnswer, PendingAnswer, SaleAnswer } from './contract.ts';
import { type IntakeEnv, Refused } from './posting.ts';
import { invalid, otherStore, unknown } from './refusals.ts';
import { isoOf } from './times.ts';
import type { Trail } from './trail.ts';

const SHOWN_MAX = 100;
const DATE = /^\d{4}-\d\d-\d\d$/;

/** `GET /v1/jobs/{jobId}` */
export async function askForJob(c: Context<IntakeEnv>): Promise<JobAnswer> {
  const jobId = c.req.param('jobId') ?? '';
  const job = await c.var.way.job(jobId, placesOf(c));
  if (job === undefined) throw new Refused(unknown(`a job ${shown(jobId)}`));
  return job;
}

/** `GET /v1/sales/{transactionId}?location=…&date=…` */
export async function askForSale(c: Context<IntakeEnv>, trail: Trail): Promise<SaleAnswer> {
  const transactionId = c.req.param('transactionId') ?? '';
  const date = c.req.query('date');
  if (date !== undefined && !DATE.test(date)) {
    throw new Refused(invalid([{ path: 'date', message: 'must be a business date as YYYY-MM-DD' }], 0));
  }
  const sales: SaleAnswer['sales'] = [];
  for (const locationId of placesOf(c)) {
    const found = await trail.salesOf({ id: transactionId, locationId, date });
    for (const { date: day, answer, jobs } of found) {
      sales.push({
        locationId,
        date: day,
        state: answer.state,
        text: answer.text,
        since: isoOf(answer.at),
        jobs: jobs.map(({ id, answer: { state, text } }) => ({ jobId: id, state, text })),
      });
    }
  }
  if (sales.length === 0) throw new Refused(unknown(`a sale ${shown(transactionId)}`));
  return { transactionId, sales };
}

/** `GET /v1/pending?location=…&cursor=…` */
export async function askForPending(c: Context<IntakeEnv>): Promise<PendingAnswer> {
  return c.var.way.pending(placesOf(c), c.req.query('cursor'));
}

/** The token's stores, or the one of them that is asked for. */
function placesOf(c: Context<IntakeEnv>): readonly string[] {
  const { bearer } = c.var;
  const asked = c.req.query('location');
  if (asked === undefined) return bearer.locationIds;
  if (!bearer.locationIds.includes(asked)) throw new Refused(otherStore(asked, bearer));
  return [asked];
}

function shown(id: string): string {
  return JSON.stringify(id.slice(0, SHOWN_MAX));
}
