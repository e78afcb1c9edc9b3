import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { KINDS } from '../../../src/ops/alerts/kinds.ts';
import { begun, deadLettered, over, suspected } from '../../../src/ops/alerts/texts.ts';
import { NOW } from './judged.ts';

const readme = readFileSync('README.md', 'utf8');
const [, runbook = ''] = readme.split('\n## Runbook\n');

describe('what is told', () => {
  it.each(KINDS)(
    '%s: leads to a part of the runbook that is there, and is in the table of alerts',
    (kind) => {
      const text = begun(kind, { problem: 'It is wrong.', advice: 'Look.' }, NOW, 2);
      const [, heading = ''] =
        /^It is wrong\. Since 2026-11-20 12:00:00 UTC\. 2 jobs wait\. Look\. More: README\.md, Runbook, "(.+)"\.$/.exec(
          text,
        ) ?? [];
      expect(runbook).toContain(`\n### ${heading}\n`);
      expect(readme).toMatch(new RegExp(`^\\| .*\`${kind}\`.* \\|`, 'm'));
    },
  );

  it('says what was delayed only where something was', () => {
    const lasted = {
      begunAt: NOW,
      endedAt: NOW + 60_000,
      openings: 0,
      waitingMost: 3,
      oldestMostMs: 0,
      waiting: 0,
    };
    const text = (kind: (typeof KINDS)[number]) => over(kind, { ...lasted, subject: '' });
    expect(text('no-worker')).toMatch(/12:01:00 UTC\. Delayed were at most 3 jobs at a time\.$/);
    expect(text('no-catalog')).toMatch(/12:01:00 UTC\.$/);
    expect(text('events-90')).toBeNull();
  });

  it('is a message, however long a reason is, and a command, whatever a job is called', () => {
    expect(deadLettered(1, `refused: ${'x'.repeat(5_000)}`, 'g').problem.length).toBeLessThan(400);
    const { advice } = suspected({ payload: 'job:x', jobId: "x'; rm -rf ~", since: NOW });
    expect(advice).toContain(`events --job 'x'\\''; rm -rf ~'`);
  });
});
