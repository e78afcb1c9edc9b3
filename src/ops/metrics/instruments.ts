import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** The values that each label can have, all of them: nothing that comes from outside can become a series. */
type Labels<Name extends string> = Readonly<Record<Name, readonly string[]>>;
type Values<Name extends string> = Readonly<Record<Name, string>>;

interface Named {
  readonly name: string;
  readonly help: string;
}
interface Labelled<Name extends string> extends Named {
  readonly labels: Labels<Name>;
}

/** What one process counts and measures, in a registry of its own. */
export interface Instruments {
  /** Every series is there from the start, at 0. */
  readonly counter: <Name extends string>(
    about: Labelled<Name>,
  ) => (values: Values<Name>, by?: number) => void;
  /** A series is there once it was set. */
  readonly gauge: <Name extends string>(
    about: Labelled<Name>,
  ) => (values: Values<Name>, value: number) => void;
  /** As `counter`. `buckets`: their upper bounds. */
  readonly histogram: <Name extends string>(
    about: Labelled<Name> & { readonly buckets: readonly number[] },
  ) => (values: Values<Name>, value: number) => void;
  /** One number that is asked for at each scrape. */
  readonly read: (about: Named, value: () => number, type?: 'gauge' | 'counter') => void;
  /** In the text format of Prometheus. */
  readonly text: () => Promise<string>;
}

/** Stands for all that is not in the list of a label, where that list has it; else such a value is not counted. */
export const OTHER = 'other';

export const CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

export function createInstruments(): Instruments {
  const registry = new Registry();
  const configOf = <Name extends string>({ name, help, labels }: Labelled<Name>) => ({
    name,
    help,
    labelNames: namesOf(labels),
    registers: [registry],
  });
  return {
    counter(about) {
      const counter = new Counter(configOf(about));
      for (const values of combinations(about.labels)) counter.inc(values, 0);
      return (values, by = 1) => {
        const closed = closedValues(about.labels, values);
        if (closed) counter.inc(closed, by);
      };
    },
    gauge(about) {
      const gauge = new Gauge(configOf(about));
      // The library begins with a 0 that nobody has measured.
      if (namesOf(about.labels).length === 0) gauge.remove({});
      return (values, value) => {
        const closed = closedValues(about.labels, values);
        if (closed) gauge.set(closed, value);
      };
    },
    histogram(about) {
      const histogram = new Histogram({ ...configOf(about), buckets: [...about.buckets] });
      for (const values of combinations(about.labels)) histogram.zero(values);
      return (values, value) => {
        const closed = closedValues(about.labels, values);
        if (closed) histogram.observe(closed, value);
      };
    },
    read({ name, help }, value, type = 'gauge') {
      const config = { name, help, registers: [registry] };
      if (type === 'gauge') {
        const gauge: Gauge = new Gauge({ ...config, collect: () => gauge.set(value()) });
        return;
      }
      const collect = () => {
        counter.reset();
        counter.inc(value());
      };
      const counter: Counter = new Counter({ ...config, collect });
    },
    text: () => registry.metrics(),
  };
}

/** Gauges of which one is 1 and the others are 0, or several are 1. */
export function setEach<Name extends string>(
  set: (values: Values<Name>, value: number) => void,
  label: Name,
  list: readonly string[],
  holds: (value: string) => boolean,
): void {
  for (const value of list) set(valuesOf([[label, value]]), holds(value) ? 1 : 0);
}

function closedValues<Name extends string>(
  labels: Labels<Name>,
  values: Values<Name>,
): Values<Name> | undefined {
  const closed = namesOf(labels).map((name) => [name, closedValue(labels[name], values[name])] as const);
  const known = closed.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  return known.length === closed.length ? valuesOf(known) : undefined;
}

function closedValue(list: readonly string[], value: string): string | undefined {
  if (list.includes(value)) return value;
  return list.includes(OTHER) ? OTHER : undefined;
}

/** Every series that the labels allow. */
function combinations<Name extends string>(labels: Labels<Name>): readonly Values<Name>[] {
  let rows: readonly (readonly (readonly [Name, string])[])[] = [[]];
  for (const name of namesOf(labels)) {
    rows = rows.flatMap((row) => labels[name].map((value) => [...row, [name, value] as const]));
  }
  return rows.map((row) => valuesOf(row));
}

function namesOf<Name extends string>(labels: Labels<Name>): Name[] {
  // Its keys are what it was declared with.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.keys(labels) as Name[];
}

function valuesOf<Name extends string>(entries: readonly (readonly [Name, string])[]): Values<Name> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(entries) as Values<Name>;
}
