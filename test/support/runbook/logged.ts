import { expect } from '@jest/globals';
import { eventually } from '../eventually.ts';
import type { RunningProcess } from '../process.ts';

/** Until each of the messages is among what these have logged since: `since` of each is how many lines it had then. */
export function untilLogged(
  processes: readonly Pick<RunningProcess, 'logs'>[],
  since: readonly number[],
  messages: readonly string[],
): Promise<void> {
  return eventually(() => {
    const logged = processes.flatMap(({ logs }, index) => logs.slice(since[index]));
    expect(logged.map(({ msg }) => msg)).toEqual(expect.arrayContaining([...messages]));
  }, 15_000);
}
