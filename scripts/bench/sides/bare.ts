/** The least that pushes a queued sale: a BullMQ worker and one HTTP call, nothing kept, nothing safe. */
import { runSide } from './side.ts';

await runSide(({ push }) => push);
