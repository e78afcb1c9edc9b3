import { postgresCodeOf } from '../../base/postgres-errors.ts';
import { within } from '../../base/shared.ts';
import type { Told } from '../../sales/sale-traces.ts';

const ASK_TIMEOUT_MS = 3_000;

/** What Postgres tells, or that it does not; never rejects, and names no host and no user. */
export async function askPostgres<Facts>(reading: Promise<Facts>): Promise<Told<Facts>> {
  try {
    const facts = await within(
      ASK_TIMEOUT_MS,
      reading.then((told) => ({ told })),
      null,
    );
    return facts ?? { untold: 'Postgres did not answer' };
  } catch (error) {
    return { untold: `Postgres could not be asked (${postgresCodeOf(error) ?? 'its log says why'})` };
  }
}
