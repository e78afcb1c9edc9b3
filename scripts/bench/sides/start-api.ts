import { got } from 'got';
import { startProcess } from '../../../test/support/process.ts';
import type { SidePrograms } from './build.ts';

/** The back office of api.ts, in a process of its own. */
export interface BenchApi {
  readonly url: string;
  /** From now on; 200: it is well. */
  answer(status: number): Promise<void>;
  stop(): Promise<unknown>;
}

/** @param answerMs how long it takes for an answer, on average */
export async function startApi({ pathOf }: SidePrograms, answerMs = 0): Promise<BenchApi> {
  const api = startProcess(pathOf('api'), { ANSWER_MS: String(answerMs) });
  const { url } = await api.waitForLog('listening');
  return {
    url: String(url),
    answer: async (status) => {
      await got.post(`${String(url)}/answer/${status}`);
    },
    stop: () => api.stop(),
  };
}
