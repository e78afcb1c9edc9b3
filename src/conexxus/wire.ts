import * as z from 'zod';

/** What every answer of the API is wrapped in. `timestamp` is documented too, but nothing here needs it. */
const envelopeSchema = z.looseObject({
  success: z.boolean(),
  data: z.unknown().optional(),
  error: z.unknown().optional(),
});

const errorTextSchema = z.object({
  error: z.union([z.string(), z.object({ message: z.string() }).transform(({ message }) => message)]),
});

const healthDataSchema = z.object({ status: z.string() });

/** Stands for the list in `data` of an answer that was read while it came. */
export const LISTED = Symbol('items, given out one by one');

export type Envelope = z.infer<typeof envelopeSchema>;

/** Undefined for what is not an answer of this API. */
export function parseEnvelope(body: string): Envelope | undefined {
  return toEnvelope(parseJson(body));
}

/** The same for what is parsed already. */
export function toEnvelope(answer: unknown): Envelope | undefined {
  return envelopeSchema.safeParse(answer).data;
}

/** The API's own words on why it refused; undefined where the body holds none. */
export function parseErrorText(body: string): string | undefined {
  return errorTextSchema.safeParse(parseJson(body)).data?.error;
}

/** `data.status` of a health answer. */
export function parseHealthStatus(data: unknown): string | undefined {
  return healthDataSchema.safeParse(data).data?.status;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
