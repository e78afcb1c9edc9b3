import { describe, expect, it } from '@jest/globals';
import { createLifecycle, type Lifecycle } from '../../src/base/lifecycle.ts';
import { createLogger } from '../../src/base/logger.ts';
import { startScript } from '../support/script.ts';

const silent = createLogger({ level: 'silent', redact: (text) => text });

function recorder(lifecycle: Lifecycle) {
  const released: string[] = [];
  const acquire = (name: string, also: () => Promise<void> | void = () => undefined, timeoutMs?: number) =>
    lifecycle.acquire(
      name,
      () => {
        released.push(name);
        return also();
      },
      timeoutMs,
    );
  return { released, acquire };
}

describe('closing', () => {
  it('releases last in, first out, one after the other', async () => {
    const lifecycle = createLifecycle(silent);
    const { released, acquire } = recorder(lifecycle);
    acquire('redis');
    acquire('worker', async () => {
      await new Promise(setImmediate);
      released.push('worker done');
    });
    await lifecycle.close();
    expect(released).toEqual(['worker', 'worker done', 'redis']);
  });

  it('twice is closing once: the second caller awaits the same end', async () => {
    const lifecycle = createLifecycle(silent);
    const { released, acquire } = recorder(lifecycle);
    acquire('slow', () => new Promise(setImmediate));
    const first = lifecycle.close();
    expect(lifecycle.close()).toBe(first);
    await first;
    await lifecycle.close();
    expect(released).toEqual(['slow']);
  });

  it.each<[string, () => Promise<void> | void]>([
    [
      'throws',
      () => {
        throw new Error('stuck');
      },
    ],
    ['rejects', () => Promise.reject(new Error('stuck'))],
  ])('goes on when a releaser %s', async (_how, fail) => {
    const lifecycle = createLifecycle(silent);
    const { released, acquire } = recorder(lifecycle);
    acquire('redis');
    acquire('broken', fail);
    await lifecycle.close();
    expect(released).toEqual(['broken', 'redis']);
  });

  it('leaves a releaser behind that does not end in its time', async () => {
    const lifecycle = createLifecycle(silent);
    const { released, acquire } = recorder(lifecycle);
    acquire('redis');
    acquire('hanging', () => new Promise(() => undefined), 20);
    await lifecycle.close();
    expect(released).toEqual(['hanging', 'redis']);
  });

  it('releases at once what is acquired while closing, or after', async () => {
    const lifecycle = createLifecycle(silent);
    const { released, acquire } = recorder(lifecycle);
    acquire('first', () => acquire('late'));
    await lifecycle.close();
    expect(released).toEqual(['first', 'late']);
    acquire('too late');
    await lifecycle.close();
    expect(released).toEqual(['first', 'late', 'too late']);
  });
});

/** A process whose main function has the given body. */
function startProcess(body: string) {
  return startScript(
    `import { createLifecycle, runProcess, untilSignal } from './src/base/lifecycle.ts';
     import { createLogger } from './src/base/logger.ts';
     import { createRedactor } from './src/base/redaction.ts';
     import { ConfigError } from './src/base/config/config.ts';
     const redact = createRedactor(['canary-pw']);
     const lifecycle = createLifecycle(createLogger({ level: 'info', redact }));
     const say = (text) => process.stdout.write(text + '\\n');
     const busy = setInterval(() => undefined, 1_000);
     lifecycle.acquire('timer', () => clearInterval(busy));
     await runProcess(async () => { ${body} }, redact);`,
  );
}

const serve = `const signal = untilSignal(); say('ready'); say('got ' + await signal);`;

describe('a process', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('winds down on %s and ends with 0', async (signal) => {
    const script = startProcess(`${serve} await lifecycle.close(); say('closed');`);
    await script.until('ready');
    script.kill(signal);
    expect(await script.ended).toMatchObject({
      code: 0,
      signal: null,
      stdout: `ready\ngot ${signal}\nclosed\n`,
    });
  });

  it('takes the same Ctrl-C that npm passes on as one', async () => {
    const script = startProcess(`${serve} setTimeout(() => { clearInterval(busy); say('closed'); }, 300);`);
    await script.until('ready');
    script.kill('SIGINT');
    await script.until('got');
    script.kill('SIGINT');
    expect(await script.ended).toMatchObject({ code: 0, stdout: expect.stringContaining('closed') });
  });

  it('ends at once on a later Ctrl-C', async () => {
    const script = startProcess(
      `${serve} setTimeout(() => say('later'), 1_100); await new Promise(() => {});`,
    );
    await script.until('ready');
    script.kill('SIGTERM');
    await script.until('later');
    script.kill('SIGINT');
    expect(await script.ended).toMatchObject({ code: 130, signal: null });
  });

  it('takes its time though a supervisor repeats its SIGTERM', async () => {
    const script = startProcess(
      `${serve} setTimeout(() => say('later'), 1_100);
       setTimeout(() => { clearInterval(busy); say('closed'); }, 1_600);`,
    );
    await script.until('ready');
    script.kill('SIGTERM');
    await script.until('later');
    script.kill('SIGTERM');
    expect(await script.ended).toMatchObject({ code: 0, stdout: expect.stringContaining('closed') });
  });

  it('tells what is wrong with its configuration, without a stack, and ends with 1', async () => {
    const script = startProcess(
      `clearInterval(busy); throw new ConfigError(['A is not configured', 'B is not']);`,
    );
    expect(await script.ended).toEqual({
      code: 1,
      signal: null,
      stdout: '',
      stderr: 'The configuration is not valid:\n  A is not configured\n  B is not\n',
    });
  });

  it.each([
    ['thrown by main', `clearInterval(busy); throw new Error('no redis://:pw@h, no canary-pw');`],
    ['thrown by a timer', `setTimeout(() => { throw new Error('no redis://:pw@h, no canary-pw') });`],
    ['of a promise nobody awaits', `void Promise.reject(new Error('no redis://:pw@h, no canary-pw'));`],
  ])('tells of an error %s with its stack, without secrets, and ends with 1', async (_where, body) => {
    const { code, stderr } = await startProcess(body).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Error: no redis:\/\/\[redacted\]@h, no \[redacted\]\n +at /);
  });

  it('ends after a while although somebody forgot a timer', async () => {
    const { code } = await startProcess(`say('done');`).ended;
    expect(code).toBe(0);
  });
});
