/** The event writer alone, as a worker has it. */
import { connectDatabase } from '../../../src/base/database.ts';
import { connectRedis } from '../../../src/base/redis.ts';
import { createEventWriter } from '../../../src/events/log.ts';

const { REDIS_URL = '', DATABASE_URL = '', SYNC_NAMESPACE = '' } = process.env;
const connect = () => connectRedis(REDIS_URL, 'patient', (error) => console.error(error.message));

const writer = createEventWriter({
  redis: connect(),
  blocking: connect(),
  namespace: SYNC_NAMESPACE,
  database: connectDatabase(DATABASE_URL, { max: 4 }),
  consumer: 'bench',
  onSchemaMismatch: (error) => {
    console.error(error.message);
    process.exit(1);
  },
});
writer.start();
console.log(JSON.stringify({ msg: 'worker started' }));
process.once('SIGTERM', () => {
  writer
    .stop()
    .catch((error: unknown) => console.error(error))
    .finally(() => process.exit());
});
