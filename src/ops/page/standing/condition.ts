import type { WorkerReport } from '../../../sync/report/worker-report.ts';
import { type FleetNow, type Seen, toSendOf } from '../reader.ts';
import { counted, number, rate, type Words } from '../words.ts';

export type Tone = 'good' | 'careful' | 'bad';

/** Something that is not as it should be; its first clause is enough where it is not the worst. */
export interface Condition {
  readonly kind: string;
  readonly tone: Tone;
  readonly clauses: readonly [Words, ...Words[]];
  readonly href: string;
  /** Sales go on as if it were not so. */
  readonly isMild?: true;
}

/** Of what the fleet is at, where that can be read now. */
export function fleetIn({ fleet }: Seen): FleetNow | null {
  return fleet.failure === null ? fleet.value : null;
}

/** `1,204 sales wait, none is lost` */
export function waiting(seen: Seen): Words {
  const count = toSendIn(seen);
  if (count === null) return ['how many sales wait is not known'];
  if (count === 0) return ['nothing waits'];
  return [count === 1 ? '1 sale waits, it is not lost' : `${number(count)} sales wait, none is lost`];
}

export function toSendIn({ backlog, outbox }: Seen): number | null {
  return backlog.value === null ? null : toSendOf(backlog.value, outbox.value);
}

/** `1,204 sales are on their way, 42 a second` */
export function onTheirWay(seen: Seen): string {
  const count = toSendIn(seen) ?? 0;
  const speed = seen.pace === null ? '' : `, ${rate(seen.pace.delivered)} a second`;
  return `${counted(count, 'sale is', 'sales are')} on ${count === 1 ? 'its' : 'their'} way${speed}`;
}

export function isAtWork({ benched, takesJobs }: WorkerReport): boolean {
  return benched === null && takesJobs;
}
