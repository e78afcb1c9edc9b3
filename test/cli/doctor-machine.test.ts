import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { judgePostgresDisk, judgeZones } from '../../src/cli/doctor-machine.ts';
import { freeBytes } from '../../src/cli/free-disk.ts';

const NOW = new Date('2026-11-25T12:00:00Z');

describe('the time zone data of Node', () => {
  it.each([
    ['2026c', true, /^data of 2026c$/],
    ['2024a', true, /^data of 2024a$/],
    ['2023d', false, /^data of 2023d: .*update Node$/],
    [undefined, false, /^this Node has no time zone data/],
  ])('of %s', (version, ok, text) => {
    expect(judgeZones(version, NOW)).toEqual({ about: 'Time zones', ok, text: expect.stringMatching(text) });
  });
});

describe('the disk of Postgres', () => {
  it.each([
    [600 * 2 ** 20, true, /^600 MB free$/],
    [500 * 2 ** 20, false, /^500 MB free: free its disk or lower EVENT_RETENTION_DAYS/],
  ])('with %d bytes free', (free, ok, text) => {
    expect(judgePostgresDisk(free)).toEqual({
      about: 'Postgres disk',
      ok,
      text: expect.stringMatching(text),
    });
  });
});

describe('free disk', () => {
  const row = process.platform === 'linux' ? it : it.skip;

  row('is seen where the process and its folder are on this machine', async () => {
    const program = new RegExp(`^${readFileSync(`/proc/${process.pid}/comm`, 'utf8').trim()}`);
    expect(await freeBytes({ folder: tmpdir(), pid: process.pid, program })).toBeGreaterThan(0);
  });

  it.each([
    ['the folder is not here', { folder: '/no/such/folder' }],
    ['the server does not tell its folder', { folder: undefined }],
    ['the process is not here', { pid: 2 ** 30 }],
    ['another program has that number here', { program: /^redis/ }],
  ])('is unknown where %s', async (_why, home) => {
    expect(await freeBytes({ folder: tmpdir(), pid: process.pid, program: /./, ...home })).toBeUndefined();
  });
});
