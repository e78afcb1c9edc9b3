/** How far it is, from the beginning. */
export interface Reach {
  readonly atMs: number;
  readonly payloads: number;
  /** Read of the input, and in all; unknown of a pipe. */
  readonly bytes: number;
  readonly total: number | undefined;
}

export interface Progress {
  /** Where it stands now, behind the sum so far. */
  show(sum: string, reach: Reach): void;
  clear(): void;
}

const SHOW_EVERY_MS = 200;
/** What the rate is measured over: what is known goes faster than what is new. */
const RATE_OVER_MS = 10_000;

/** One line on a terminal that is written over. */
export function createProgress(terminal: Pick<NodeJS.WriteStream, 'write'>): Progress {
  let shownAtMs = Number.NEGATIVE_INFINITY;
  let visible = false;
  let recent: Reach[] = [];
  return {
    show(sum, reach) {
      if (reach.atMs - shownAtMs < SHOW_EVERY_MS) return;
      shownAtMs = reach.atMs;
      recent = [...recent.filter(({ atMs }) => reach.atMs - atMs <= RATE_OVER_MS), reach];
      const line = [sum, ...paceWords(recent[0] ?? reach, reach)].join(', ');
      terminal.write(`\r\u001B[K${line}`);
      visible = true;
    },
    clear() {
      if (visible) terminal.write('\r\u001B[K');
      visible = false;
    },
  };
}

/** Pure. Nothing where no time has passed; of a pipe the rate alone. */
export function paceWords(before: Reach, now: Reach): string[] {
  const elapsedS = (now.atMs - before.atMs) / 1_000;
  if (elapsedS <= 0) return [];
  const rate = Math.round((now.payloads - before.payloads) / elapsedS).toLocaleString('en-US');
  const bytesPerS = (now.bytes - before.bytes) / elapsedS;
  if (now.total === undefined || bytesPerS <= 0) return [`${rate} a second`];
  return [`${rate} a second`, `${duration((now.total - now.bytes) / bytesPerS)} left`];
}

function duration(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  const [hours, minutes] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}
