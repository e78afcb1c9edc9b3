/** What is new of one row: it travels together, alone or with others. */
export interface Unit {
  readonly locationId: string;
  /** Ids of its lines, in order. */
  readonly lines: readonly number[];
  /** Those with the same may travel together; null: it travels alone. */
  readonly groupKey: string | null;
  readonly transactionIds: readonly string[];
  readonly bytes: number;
  /** When the POS wrote it; ms. */
  readonly since: number;
}

interface Limits {
  /** Transactions in one payload at most. */
  readonly batch: number;
  /** Payloads of one store in the queue at most. */
  readonly perStore: number;
  /** Only of stores that have a whole payload. */
  readonly onlyFull: boolean;
}

interface Store {
  readonly units: Unit[];
  /** Last line of a store of which more waits than is kept here: they are read when these are gone. */
  moreAfter?: number | undefined;
}

/** What of a payload's transactions may weigh. */
const PAYLOAD_BYTES = 1024 * 1024;
/** How far behind the first one it is looked for others that go with it. */
const REACH = 1_000;
/** Of one store; the rest stays in the database. */
const KEPT = 5_000;

/** The waiting sales of all stores, store by store, the stores in turn. */
export interface Waiting {
  add(units: readonly Unit[]): void;
  /** The next payload's, of the store whose turn it is among those that have room; undefined: there is none. */
  next(inQueue: (locationId: string) => number, limits: Limits): Unit[] | undefined;
  /** A store whose kept ones are gone, though more wait behind this line. */
  hungry(): { readonly locationId: string; readonly after: number } | undefined;
  fed(locationId: string, units: readonly Unit[], more: boolean): void;
  /** By location: how many sales are kept here, and since when the oldest waits. */
  stores(): ReadonlyMap<string, { readonly sales: number; readonly since: number; readonly more: boolean }>;
}

export function createWaiting(): Waiting {
  // A store that had its turn goes to the end.
  const stores = new Map<string, Store>();

  function storeOf(locationId: string): Store {
    const store = stores.get(locationId) ?? { units: [] };
    stores.set(locationId, store);
    return store;
  }

  return {
    add(units) {
      for (const unit of units) {
        const store = storeOf(unit.locationId);
        if (store.moreAfter !== undefined) continue;
        if (store.units.length < KEPT) store.units.push(unit);
        else store.moreAfter = store.units.at(-1)?.lines.at(-1);
      }
    },
    next(inQueue, { batch, perStore, onlyFull }) {
      for (const [locationId, store] of stores) {
        if (store.units.length < (onlyFull ? batch : 1) || inQueue(locationId) >= perStore) continue;
        stores.delete(locationId);
        const chosen = gather(store.units, batch);
        if (store.units.length > 0 || store.moreAfter !== undefined) stores.set(locationId, store);
        return chosen;
      }
      return undefined;
    },
    hungry() {
      for (const [locationId, { units, moreAfter }] of stores) {
        if (units.length === 0 && moreAfter !== undefined) return { locationId, after: moreAfter };
      }
      return undefined;
    },
    fed(locationId, units, more) {
      const store = storeOf(locationId);
      store.units.push(...units);
      store.moreAfter = more ? units.at(-1)?.lines.at(-1) : undefined;
      if (store.units.length === 0 && !more) stores.delete(locationId);
    },
    stores: () => new Map([...stores].map(([locationId, store]) => [locationId, countOf(store)])),
  };
}

function countOf({ units, moreAfter }: Store) {
  const sales = units.reduce((sum, { transactionIds }) => sum + Math.max(1, transactionIds.length), 0);
  return { sales, since: units[0]?.since ?? 0, more: moreAfter !== undefined };
}

/** Takes the first unit out, and with it those behind it that may travel along. */
export function gather(units: Unit[], batch: number): Unit[] {
  const first = units.shift();
  if (first === undefined) return [];
  const chosen = [first];
  if (first.groupKey === null) return chosen;
  let { bytes } = first;
  const ids = new Set(first.transactionIds);
  const passedOver = new Set<string>();
  for (let n = 0; n < Math.min(units.length, REACH) && ids.size < batch; ) {
    const unit = units[n];
    if (unit === undefined) break;
    // The same id again is a correction: it can't be in one payload with what it corrects, nor goes before it.
    const fits =
      unit.groupKey === first.groupKey &&
      ids.size + unit.transactionIds.length <= batch &&
      bytes + unit.bytes <= PAYLOAD_BYTES &&
      !unit.transactionIds.some((id) => ids.has(id) || passedOver.has(id));
    if (!fits) {
      for (const id of unit.transactionIds) passedOver.add(id);
      n += 1;
      continue;
    }
    units.splice(n, 1);
    chosen.push(unit);
    bytes += unit.bytes;
    for (const id of unit.transactionIds) ids.add(id);
  }
  return chosen;
}
