import * as z from 'zod';

/** What the intake answers. The requests are the jobs' own schemas. */

const moment = z.iso.datetime().meta({ description: 'ISO 8601, in UTC' });
const storeId = z.string();
const businessDate = z.string().meta({ description: "The store's business date, YYYY-MM-DD" });

const problemAnswer = z
  .object({
    type: z.string().meta({ description: 'urn:conexxus-sync:problem:…; stable, to branch on' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'What is wrong, and what to do' }),
    problems: z
      .array(
        z.object({
          path: z.string().meta({ description: "Like transactions[0].items[2].price; '' is the whole" }),
          message: z.string(),
        }),
      )
      .optional(),
    more: z.int().optional().meta({ description: 'Problems beyond those listed' }),
  })
  .meta({ description: 'RFC 9457' });

const accepted = z.object({
  jobId: z.string(),
  status: z
    .enum(['accepted', 'known'])
    .meta({ description: 'known: the same content was posted before; nothing was added' }),
  state: z.string().meta({ description: 'Where it is now, like waiting or delivered' }),
});

const problems = problemAnswer.shape.problems.unwrap();

const batchLine = z.union([
  accepted.extend({ line: z.int() }),
  z.object({ line: z.int(), status: z.literal('refused'), problems, more: z.int() }),
]);

const batchCounts = { accepted: z.int(), known: z.int(), refused: z.int(), lines: z.array(batchLine) };
const batchAnswer = z.object(batchCounts);
/** What was written before it had to stop is written. */
const brokenBatch = problemAnswer.extend(batchCounts);

const saleFate = z.object({
  transactionId: z.string().nullable(),
  state: z.string(),
  since: moment.nullable(),
  reason: z.string().nullable(),
});

const jobAnswer = z.object({
  jobId: z.string(),
  locationId: storeId,
  date: businessDate.nullable(),
  state: z
    .string()
    .meta({ description: 'waiting, active, delivered, flagged, dead and others: the README has them' }),
  text: z.string().meta({ description: 'The same in words' }),
  since: moment.nullable(),
  sales: z.array(saleFate).meta({
    description: 'Where there is an outbox each sale has a fate of its own; the first 1,000. Else empty',
  }),
});

const saleAnswer = z
  .object({
    transactionId: z.string(),
    sales: z.array(
      z.object({
        locationId: storeId,
        date: businessDate.nullable(),
        state: z.string(),
        text: z.string(),
        since: moment.nullable(),
        jobs: z.array(z.object({ jobId: z.string(), state: z.string(), text: z.string() })),
      }),
    ),
  })
  .meta({ description: 'One for each store and day that has a sale of this id' });

const pendingAnswer = z.object({
  pending: z.array(
    z.object({
      locationId: storeId,
      date: businessDate.nullable(),
      jobId: z.string().nullable(),
      transactionIds: z.array(z.string()),
      state: z.string(),
      since: moment.nullable(),
    }),
  ),
  next: z.string().nullable().meta({ description: 'For the next page; null: this was the last' }),
});

/** By their names in the OpenAPI document. */
export const ANSWERS = {
  Accepted: accepted,
  Batch: batchAnswer,
  BrokenBatch: brokenBatch,
  Job: jobAnswer,
  Sale: saleAnswer,
  Pending: pendingAnswer,
  Problem: problemAnswer,
} as const;

export type BatchLine = z.infer<typeof batchLine>;
export type JobAnswer = z.infer<typeof jobAnswer>;
export type SaleAnswer = z.infer<typeof saleAnswer>;
export type PendingAnswer = z.infer<typeof pendingAnswer>;
