import type { ProblemAtAGlance } from '../../alerts/alerts.ts';
import type { Seen } from '../reader.ts';
import { type Condition, waiting } from './condition.ts';

/** As the page has it. */
const ON_THE_PAGE: Readonly<Record<ProblemAtAGlance['kind'], Omit<Condition, 'clauses'>>> = {
  redis: { kind: 'redis-away', tone: 'bad', href: '#circuit' },
  'no-worker': { kind: 'no-worker', tone: 'bad', href: '#workers' },
  'nothing-completes': { kind: 'stuck', tone: 'bad', href: '#outcomes' },
  'relay-silent': { kind: 'no-relay', tone: 'bad', href: '#stores' },
  postgres: { kind: 'postgres-away', tone: 'careful', href: '#outcomes' },
  'no-catalog': { kind: 'no-catalog', tone: 'careful', isMild: true, href: '#outcomes' },
};

/** What alerts tell people is told here in the same words; where the page has more to say of it, that follows. */
export function withAlerts(found: readonly Condition[], seen: Seen): Condition[] {
  const told = seen.problems.map(({ kind, problem }): Condition => {
    const here = ON_THE_PAGE[kind];
    const [, ...more] = alike(found, here)?.clauses ?? [[], ...(here.isMild ? [] : [waiting(seen)])];
    return { ...here, clauses: [[problem.replace(/\.$/, '')], ...more] };
  });
  const only = told.filter((each) => alike(found, each) === undefined);
  return [
    ...only.filter(({ tone }) => tone === 'bad'),
    ...found.map((each) => alike(told, each) ?? each),
    ...only.filter(({ tone }) => tone !== 'bad'),
  ];
}

function alike(all: readonly Condition[], { kind }: Pick<Condition, 'kind'>): Condition | undefined {
  return all.find((each) => each.kind === kind);
}
