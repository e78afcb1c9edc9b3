import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { VERSION } from '../../src/base/version.ts';
import { eventually } from '../support/eventually.ts';
import { aProject, type Project } from '../support/package.ts';
import { startProcess } from '../support/process.ts';
import { type Stand, startStand } from '../support/stand.ts';
import { sales } from '../sync/sales.ts';

const ASK = ['view', 'zod', 'version', '--prefer-online', '--fetch-retries=0', '--fetch-timeout=10000'];
/** Nothing of ours: a registry, and some ninety packages to unpack. */
const INSTALL_MAX_MS = 600_000;
const hasRegistry = spawnSync('npm', ASK, { stdio: 'ignore' }).status === 0;
const title = 'a project into which npm installed the package';

(hasRegistry ? describe : describe.skip)(
  hasRegistry ? title : `${title} (skipped: no package registry answers)`,
  () => {
    let stand: Stand;
    let project: Project;
    const installed = (file: string) => join(project.folder, 'node_modules/conexxus-sync/dist', file);
    const npm = (...args: string[]) => project.run('npm', args, process.env);
    const command = (...args: string[]) =>
      project.run('npx', ['--no', '--', 'conexxus-sync', ...args], { ...process.env, ...stand.env });

    beforeAll(async () => {
      stand = await startStand();
      project = await aProject();
      const how = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
      const { code, stderr } = await npm('install', project.tarball, ...how);
      if (code !== 0) throw new Error(stderr);
    }, INSTALL_MAX_MS);

    afterAll(async () => {
      await project.remove();
      await stand.close();
    });

    it('has the command by its name', async () => {
      expect(await command('--version')).toMatchObject({ code: 0, stdout: `${VERSION}\n` });
      expect(await command('migrate', '--help')).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('--outbox'),
      });
      expect(await command('circuit', 'status')).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^Circuit: CLOSED/),
        stderr: '',
      });
    });

    it('runs a worker that delivers', async () => {
      await stand.startWorker({}, installed('worker.js'));
      const [jobId] = await stand.enqueue([sales('of a tarball')]);
      await eventually(async () =>
        expect(await stand.simulator.ledger({ key: jobId ?? '' })).toMatchObject([{ applied: true }]),
      );
    });

    it("runs a dashboard with its page, and with that of the queue from another's package", async () => {
      const dashboard = startProcess(installed('dashboard.js'), { ...stand.env, DASHBOARD_PORT: '0' });
      const { port } = await dashboard.waitForLog('dashboard is up', 60_000);
      const open = async (path: string) => {
        const answer = await fetch(`http://127.0.0.1:${String(port)}${path}`);
        return { status: answer.status, text: await answer.text() };
      };
      const page = await open('/');
      expect(page.status).toBe(200);
      const assets = [...page.text.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(
        ([, path = '']) => path,
      );
      expect(assets.length).toBeGreaterThan(1);
      for (const path of assets) expect(await open(path)).toMatchObject({ status: 200 });
      expect(await open('/queues')).toMatchObject({ status: 200, text: expect.stringContaining('<html') });
      await dashboard.stop();
    });
  },
);
