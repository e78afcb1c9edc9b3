import * as z from 'zod';

/** What every answer of the API is wrapped in. `timestamp` is documented too, but nothing here needs it. */
export interface Envelope {
  readonly success: boolean;
  readonly data?: unknown;
}

const errorTextSchema = z.object({
  error: z.union([z.string(), z.object({ message: z.string() }).transform(({ message }) => message)]),
});

const healthDataSchema = z.object({ status: z.string() });

/** Stands for the list in `data` of an answer that was read while it came. */
export const LISTED = Symbol('items, given out one by one');

/** Undefined for what is not an answer of this API. */
export function parseEnvelope(body: string): Envelope | undefined {
  return toEnvelope(parseJson(body));
}

/** The same for what is parsed already. */
export function toEnvelope(answer: unknown): Envelope | undefined {
  return isEnvelope(answer) ? answer : undefined;
}

/** The API's own words on why it refused; undefined where the body holds none. */
export function parseErrorText(body: string): string | undefined {
  return errorTextSchema.safeParse(parseJson(body)).data?.error;
}

/** `data.status` of a health answer. */
export function parseHealthStatus(data: unknown): string | undefined {
  return healthDataSchema.safeParse(data).data?.status;
}

/** By hand: every answer passes here. */
function isEnvelope(answer: unknown): answer is Envelope {
  return (
    typeof answer === 'object' &&
    answer !== null &&
    !Array.isArray(answer) &&
    'success' in answer &&
    typeof answer.success === 'boolean'
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
