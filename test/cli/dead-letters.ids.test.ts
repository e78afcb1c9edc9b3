import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sales } from '../sync/sales.ts';
import { openShelf, type Shelf } from '../sync/shelf.ts';
import { runCommand } from './command.ts';

const WHO = ['--reason', 'store created', '--actor', 'olga'];

let shelf: Shelf;

beforeEach(() => {
  shelf = openShelf();
});

afterEach(() => shelf.close());

const command = (args: string[]) => runCommand(args, { SYNC_NAMESPACE: shelf.namespace });

describe('dead-letters, of an id that is in vain', () => {
  const UNKNOWN = 'letter-O  is unknown: the queue has no job of this id';

  it('says so of each, does the others, and exits 1', async () => {
    const [first = '', second = ''] = await shelf.shelve(2);
    const given = ['--id', 'letter-O', '--id', first];
    const discard = ['dead-letters', 'discard', ...given];
    const counted = await command(discard);
    expect(counted.code).toBe(1);
    expect(counted.out).toMatch(/^1 dead letter would be discarded\. Nothing was done/);
    expect(counted.out.trimEnd().split('\n').at(-1)).toBe(UNKNOWN);
    expect(await command([...discard, '--yes', ...WHO])).toEqual({
      code: 1,
      out: `${first}  discarded\n${UNKNOWN}\n1 dead letter discarded, 1 unknown.\n`,
      err: '',
    });
    // Given up by now, it is no other than one that never was.
    const { code, out } = await command(['dead-letters', 'replay', ...given, '--yes', ...WHO, '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      results: [
        { id: 'letter-O', result: 'unknown' },
        { id: first, result: 'unknown' },
      ],
      counts: { replayed: 0, unknown: 2 },
    });
    expect(await shelf.queue.getJobState(second)).toBe('failed');
  }, 60_000);

  it('says so where the other options leave it out, or it is no dead letter', async () => {
    const [id = ''] = await shelf.shelve(1);
    await shelf.queue.add('push_sales', sales('alive'), { jobId: 'alive' });
    const given = ['--id', id, '--id', 'alive', '--location', 'nowhere'];
    const words = [
      `${id}  is a dead letter that the other options leave out`,
      'alive  is no dead letter: it is waiting',
    ];
    expect(await command(['dead-letters', 'discard', ...given, '--yes', ...WHO])).toMatchObject({
      code: 1,
      out: [...words, '0 dead letters discarded, 1 no dead letters, 1 left out.\n'].join('\n'),
    });
    expect(await command(['dead-letters', 'list', ...given])).toMatchObject({
      code: 1,
      out: ['No dead letters.', '', ...words, ''].join('\n'),
    });
    const { out } = await command(['dead-letters', 'list', '--id', 'letter-O', '--json']);
    expect(JSON.parse(out)).toMatchObject({ total: 0, missed: [{ id: 'letter-O', result: 'unknown' }] });
    expect(await command(['dead-letters', 'replay', '--location', 'nowhere', '--yes', ...WHO])).toMatchObject(
      {
        code: 0,
        out: '0 dead letters replayed.\n',
      },
    );
  }, 60_000);
});
