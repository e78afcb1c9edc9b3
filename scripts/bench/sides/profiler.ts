/** Loaded into a process before its own code: a processor profile from one SIGUSR2 to the next, as a file of Chrome's. */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';

const INTERVAL_US = 200;

const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
process.once('SIGUSR2', () => {
  session.post('Profiler.start');
  process.once('SIGUSR2', () => {
    // It answers before this returns.
    session.post('Profiler.stop', (error, { profile }) => {
      if (error === null)
        writeFileSync(`${process.env['PROFILE']}-${process.pid}.cpuprofile`, JSON.stringify(profile));
    });
  });
});
