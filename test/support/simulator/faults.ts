import type { Fault, FaultMatch, FaultRule, FaultRuleState } from './protocol.ts';
import type { Random } from './random.ts';

/** What a rule can look at. */
interface RequestFacts {
  readonly method: string;
  readonly path: string;
  readonly key: string | null;
  readonly locationId: string | null;
  readonly transactionIds: readonly string[];
}

export interface ChosenFault {
  readonly fault: Fault;
  /** For the ledger. */
  readonly label: string;
}

function matches(match: FaultMatch, request: RequestFacts): boolean {
  return (
    (match.path === undefined || match.path === request.path) &&
    (match.method === undefined || match.method.toUpperCase() === request.method) &&
    (match.locationId === undefined || match.locationId === request.locationId) &&
    (match.keyPrefix === undefined || (request.key?.startsWith(match.keyPrefix) ?? false)) &&
    (match.transactionId === undefined || request.transactionIds.includes(match.transactionId))
  );
}

/** Whether a rule strikes at the `seen`-th request that matched it, after `fired` strikes. */
function isDue(match: FaultMatch, seen: number, fired: number, random: Random): boolean {
  const counted = seen - (match.after ?? 0);
  if (counted <= 0 || counted % (match.everyNth ?? 1) !== 0) return false;
  if (fired >= (match.times ?? Number.POSITIVE_INFINITY)) return false;
  return match.probability === undefined || random() < match.probability;
}

export interface RuleBook {
  replace(rules: readonly FaultRule[]): void;
  states(): readonly FaultRuleState[];
  /** True where a rule looks into the body: then it must be read before `choose`. */
  looksIntoBody(): boolean;
  /** The first rule that strikes; the counts of those passed over go on too. */
  choose(request: RequestFacts, random: Random): ChosenFault | null;
}

export function createRuleBook(): RuleBook {
  let book: { rule: FaultRule; seen: number; fired: number }[] = [];
  return {
    replace: (rules) => {
      book = rules.map((rule) => ({ rule, seen: 0, fired: 0 }));
    },
    states: () => book.map(({ rule, seen, fired }) => ({ ...rule, seen, fired })),
    looksIntoBody: () =>
      book.some(
        ({ rule }) => rule.match?.locationId !== undefined || rule.match?.transactionId !== undefined,
      ),
    choose: (request, random) => {
      for (const entry of book) {
        const match = entry.rule.match ?? {};
        if (!matches(match, request)) continue;
        entry.seen += 1;
        if (!isDue(match, entry.seen, entry.fired, random)) continue;
        entry.fired += 1;
        return { fault: entry.rule.fault, label: entry.rule.name ?? entry.rule.fault.kind };
      }
      return null;
    },
  };
}
