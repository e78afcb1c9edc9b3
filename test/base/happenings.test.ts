import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, it, jest } from '@jest/globals';
import { hear, tell } from '../../src/base/happenings.ts';

describe('what happens', () => {
  it('is heard by whoever asked for it by name, until he has enough', () => {
    const heard: unknown[] = [];
    const end = hear('job-stalled', (message) => heard.push(message));
    tell('job-stalled', { jobId: 'ps-1' });
    tell('rows-written', { rows: 3 });
    end();
    tell('job-stalled', { jobId: 'ps-2' });
    expect(heard).toEqual([{ jobId: 'ps-1' }]);
  });

  it('is heard by all, also where one of them throws, which is a warning without its text', () => {
    const heard: string[] = [];
    const ends = [
      hear('job-stalled', () => {
        throw new TypeError('secret');
      }),
      hear('job-stalled', ({ jobId }) => heard.push(jobId)),
    ];
    const warn = jest.spyOn(process, 'emitWarning').mockReturnValue();
    tell('job-stalled', { jobId: 'ps-1' });
    for (const end of ends) end();
    expect(heard).toEqual(['ps-1']);
    expect(warn.mock.calls).toEqual([['a listener of job-stalled failed: TypeError']]);
    warn.mockRestore();
  });

  it('is a diagnostics channel of that name, for whoever subscribes from outside', () => {
    const heard: unknown[] = [];
    const subscriber = (message: unknown, name: string | symbol) => heard.push([name, message]);
    subscribe('conexxus-sync:rows-written', subscriber);
    tell('rows-written', { rows: 3 });
    unsubscribe('conexxus-sync:rows-written', subscriber);
    expect(heard).toEqual([['conexxus-sync:rows-written', { rows: 3 }]]);
  });
});
