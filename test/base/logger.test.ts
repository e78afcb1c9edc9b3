import { describe, expect, it } from '@jest/globals';
import { startScript } from '../support/script.ts';

const SECRET = 'canary-5e3cret"key';

async function logged(statements: string, level = 'info'): Promise<Record<string, unknown>[]> {
  const { code, stdout, stderr } = await startScript(
    `import { createLogger } from './src/base/logger.ts';
     import { createRedactor } from './src/base/redaction.ts';
     const secret = process.env.SECRET;
     const log = createLogger({ level: '${level}', redact: createRedactor([secret]), name: 'test' });
     ${statements}`,
    { SECRET },
  ).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).not.toContain('5e3cret');
  return stdout.split('\n').flatMap((line) => (line ? [JSON.parse(line)] : []));
}

describe('the log', () => {
  it('is one JSON object per line with name, process, level and fields', async () => {
    const lines = await logged(
      `log.info({ jobId: 'ps-1' }, 'done'); log.child({ locationId: 'L1' }).warn('slow');`,
    );
    expect(lines).toEqual([
      {
        level: 30,
        time: expect.any(Number),
        pid: expect.any(Number),
        name: 'test',
        jobId: 'ps-1',
        msg: 'done',
      },
      {
        level: 40,
        time: expect.any(Number),
        pid: expect.any(Number),
        name: 'test',
        locationId: 'L1',
        msg: 'slow',
      },
    ]);
  });

  it('says nothing below its level', async () => {
    expect(await logged(`log.info('a'); log.error('b');`, 'error')).toEqual([
      expect.objectContaining({ msg: 'b' }),
    ]);
    expect(await logged(`log.fatal('a');`, 'silent')).toEqual([]);
  });

  it('holds no secret, whatever field it is in', async () => {
    const lines = await logged(`
      log.info(secret);
      log.info({ deep: [{ url: 'redis://:' + secret + '@h' }] }, 'x ' + encodeURIComponent(secret));
      log.child({ key: secret }).info({ headers: { 'x-api-key': 'unknown-5e3cret' } });
      log.error(new Error('refused ' + secret, { cause: new TypeError(secret) }));
      log.error({ err: Object.assign(new Error('x'), { options: { key: secret } }) }, '%s', secret);`);
    expect(lines).toHaveLength(5);
  });

  it('tells an error with code, stack and causes, and nothing that hangs on it', async () => {
    const [line] = await logged(`
      const cause = Object.assign(new TypeError('inner'), { code: 'ECONNREFUSED' });
      log.error({ err: Object.assign(new Error('outer', { cause }), { code: 'X', request: { body: 'sale' } }) }, 'failed');`);
    expect(line).toMatchObject({ msg: 'failed', err: { type: 'Error', message: 'outer', code: 'X' } });
    expect(line?.['err']).toMatchObject({
      stack: expect.stringContaining('Error: outer'),
      cause: { type: 'TypeError', message: 'inner', code: 'ECONNREFUSED' },
    });
    expect(line?.['err']).not.toHaveProperty('request');
  });

  it('survives an error that is its own cause, and one that is no error', async () => {
    const [circular, text] = await logged(`
      const error = new Error('again'); error.cause = error;
      log.error({ err: error }); log.error({ err: 'just text' });`);
    expect(circular).toMatchObject({ err: { message: 'again', cause: { message: 'again' } } });
    expect(text).toMatchObject({ err: { type: 'string', message: 'just text' } });
  });

  it('tells both failures of a connection that was tried twice', async () => {
    const [line] = await logged(
      `log.error({ err: new AggregateError([new Error('v4'), new Error('v6')]) });`,
    );
    expect(line).toMatchObject({ err: { errors: [{ message: 'v4' }, { message: 'v6' }] } });
  });
});
