import { z } from 'zod';

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

const inventoryDataSchema = z.array(z.unknown());

export type Envelope = z.infer<typeof envelopeSchema>;

/** Undefined for what is not an answer of this API. */
export function parseEnvelope(body: string): Envelope | undefined {
  return envelopeSchema.safeParse(parseJson(body)).data;
}

/** The API's own words on why it refused; undefined where the body holds none. */
export function parseErrorText(body: string): string | undefined {
  return errorTextSchema.safeParse(parseJson(body)).data?.error;
}

/** `data.status` of a health answer. */
export function parseHealthStatus(data: unknown): string | undefined {
  return healthDataSchema.safeParse(data).data?.status;
}

/** The catalog's items as they came: each is validated where it is stored, so one bad item spoils no other. */
export function parseInventory(data: unknown): readonly unknown[] | undefined {
  return inventoryDataSchema.safeParse(data).data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
