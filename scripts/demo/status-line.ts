import type { Part } from './screen.ts';
import type { Picture } from './watch.ts';

/** The state of affairs in one line, what matters most first. */
export function statusLine(picture: Picture, accepted: number): readonly Part[] {
  const { circuit, waiting, active, delivered, dead } = picture;
  return [
    circuitPart(circuit),
    [`${waiting} waiting`, waiting > 0 ? 'yellow' : undefined],
    [`${delivered} of ${accepted} delivered`],
    [circuit.pausedBy.length > 0 ? 'queue paused' : `${active} under way`],
    ...(dead > 0 ? [[`${dead} dead-lettered`, 'red'] as const] : []),
  ];
}

function circuitPart({ state, retryAt }: Picture['circuit']): Part {
  switch (state) {
    case 'closed':
      return ['circuit closed', 'green'];
    case 'half-open':
      return ['circuit half-open', 'yellow'];
    case 'open': {
      const left = Math.max(0, (retryAt ?? 0) - Date.now());
      return [`circuit open, next look in ${(left / 1_000).toFixed(1)} s`, 'red'];
    }
  }
}
