import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { type Stand, startStand } from '../support/stand.ts';
import { runCommand } from './command.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await startStand();
});
afterAll(() => stand.close());

/** Without the workers' settings: where Redis is, and which namespace. */
const command = (...args: string[]) =>
  runCommand(args, { REDIS_URL: stand.env['REDIS_URL'], SYNC_NAMESPACE: stand.namespace });

describe('the workers', () => {
  it('are none before one is started, and everything that is asked says so', async () => {
    expect((await command('workers')).out).toBe('No worker is alive: sales wait until one is started.\n');
    expect(JSON.parse((await command('workers', '--json')).out)).toEqual([]);
    expect((await command('circuit', 'status')).out).toMatch(/workers {2,}no worker is alive/);
  });

  it('are missed by doctor once a job waits for one, and not before', async () => {
    const found = async () => / {2}(\w+) +Workers +(.*)\n/.exec((await command('doctor')).out)?.slice(1);
    expect(await found()).toEqual(['ok', 'none is there: start one with `npm run worker`']);
    const waiting = await stand.queue.add('push_sales', {});
    const delayed = await stand.queue.add('push_sales', {}, { delay: 60_000 });
    expect(await found()).toEqual(['FIX', 'none is there, and 2 jobs wait: start one with `npm run worker`']);
    await delayed.remove();
    expect(await found()).toEqual(['FIX', 'none is there, and 1 job waits: start one with `npm run worker`']);
    await waiting.remove();
  });

  it('are listed by name as long as they are there, also those that take no jobs', async () => {
    const till = await stand.startWorker({ WORKER_NAME: 'till-7', WORKER_CONCURRENCY: '3' });
    const spare = await stand.startWorker({ WORKER_NAME: 'spare', CIRCUIT_FAILURE_THRESHOLD: '7' });
    await eventually(async () => {
      const workers: unknown = JSON.parse((await command('workers', '--json')).out);
      expect(workers).toEqual([
        expect.objectContaining({ name: 'spare', slots: 10 }),
        expect.objectContaining({ name: 'till-7', slots: 3, busy: 0, takesJobs: true, benched: null }),
      ]);
    });
    const { out } = await command('workers');
    expect(out).toMatch(/^ {2}name +version +started +busy +last outcome +state\n/);
    expect(out).toMatch(/^ {2}till-7 +\S+ +\S.* +0 of 3 +- +takes jobs$/m);

    const { out: status } = await command('circuit', 'status', '--json');
    // The options of the worker that started last, not of this environment.
    expect(JSON.parse(status)).toMatchObject({ isAnyoneAlive: true, options: { failureThreshold: 7 } });
    const doctor = await command('doctor');
    expect(doctor.out).toContain('CIRCUIT_FAILURE_THRESHOLD 7 (spare), 5 (till-7)');
    // Whichever of them looks first.
    const isWarning = ({ msg }: { msg?: string }) => msg?.includes('configured differently') === true;
    await Promise.any([till.waitForLog(isWarning), spare.waitForLog(isWarning)]);

    await till.stop();
    await eventually(async () => expect((await command('workers')).out).not.toContain('till-7'));
  });
});
