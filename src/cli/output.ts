import { once } from 'node:events';

/** To the standard output, no faster than its reader takes it. */
export async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

/** A JSON object whose list `name` is written as it comes, and whose other members when it has ended. */
export function jsonList(name: string) {
  let count = 0;
  return {
    async add(item: object): Promise<void> {
      await write(`${count === 0 ? `{${JSON.stringify(name)}:[` : ','}\n${JSON.stringify(item)}`);
      count += 1;
    },
    async end(rest: object): Promise<void> {
      const head = count === 0 ? `{${JSON.stringify(name)}:[` : '\n';
      await write(`${head}],${JSON.stringify(rest).slice(1)}\n`);
    },
  };
}
