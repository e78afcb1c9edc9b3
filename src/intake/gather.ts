export interface Gatherer<Item, Result> {
  /** Resolves when they are written, with a result each; rejects as `write` does. */
  write(items: readonly Item[]): Promise<Result[]>;
  /** How many wait for their turn. */
  waiting(): number;
}

interface GatherOptions<Item, Result> {
  readonly write: (items: readonly Item[]) => Promise<readonly Result[]>;
  readonly sizeOf: (item: Item) => number;
  /** Whether one of the items is to blame, and not where they are written. */
  readonly isOfOneItem: (error: unknown) => boolean;
}

interface Group<Item, Result> {
  readonly items: readonly Item[];
  readonly size: number;
  readonly resolve: (results: Result[]) => void;
  readonly reject: (error: unknown) => void;
}

const ITEMS = 250;
const SIZE = 8 * 1024 * 1024;
/** The second is put together and sent while the first is being written. */
const AT_ONCE = 2;

/**
 * What is asked for while others are being written is written together: a thousand posts a second are few
 * transactions, and one post alone waits for nobody.
 */
export function createGatherer<Item, Result>(options: GatherOptions<Item, Result>): Gatherer<Item, Result> {
  const queue: Group<Item, Result>[] = [];
  let underWay = 0;
  let waiting = 0;

  function next(): Group<Item, Result>[] {
    const taken: Group<Item, Result>[] = [];
    let [items, size] = [0, 0];
    for (let group = queue[0]; group !== undefined; group = queue[0]) {
      const isTooMuch = items + group.items.length > ITEMS || size + group.size > SIZE;
      if (taken.length > 0 && isTooMuch) break;
      queue.shift();
      taken.push(group);
      items += group.items.length;
      size += group.size;
    }
    waiting -= items;
    return taken;
  }

  async function pump(): Promise<void> {
    if (underWay === AT_ONCE || queue.length === 0) return;
    underWay += 1;
    await writeGroups(next(), options);
    underWay -= 1;
    void pump();
  }

  return {
    write(items) {
      const size = items.reduce((sum, item) => sum + options.sizeOf(item), 0);
      return new Promise<Result[]>((resolve, reject) => {
        queue.push({ items, size, resolve, reject });
        waiting += items.length;
        void pump();
      });
    },
    waiting: () => waiting,
  };
}

/** Never rejects: each group hears of its own. */
async function writeGroups<Item, Result>(
  groups: readonly Group<Item, Result>[],
  options: GatherOptions<Item, Result>,
): Promise<void> {
  try {
    const results = await options.write(groups.flatMap(({ items }) => items));
    let from = 0;
    for (const { items, resolve } of groups) {
      resolve(results.slice(from, from + items.length));
      from += items.length;
    }
  } catch (error) {
    if (groups.length > 1 && options.isOfOneItem(error)) {
      for (const group of groups) await writeGroups([group], options);
    } else {
      for (const { reject } of groups) reject(error);
    }
  }
}
