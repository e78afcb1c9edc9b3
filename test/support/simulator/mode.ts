import type { ChosenFault } from './faults.ts';
import type { Mode, ModeChange, ModeState } from './protocol.ts';

export interface ModeSwitch {
  /** Resolves when the change is in force, or armed. Replaces whatever was in force or armed. */
  set(change: ModeChange): Promise<void>;
  state(): ModeState;
  /** Counts a request; what the mode has in store for it. */
  requestArrived(): ChosenFault | null;
  stop(): void;
}

/** The state of the API as a whole. `listen(false)` refuses connections until `listen(true)`. */
export function createModeSwitch(
  listen: (listening: boolean) => Promise<void>,
  onError: (error: unknown) => void,
): ModeSwitch {
  let mode: Mode = 'ok';
  let armed: { change: ModeChange; inRequests: number } | null = null;
  let until: number | null = null;
  let timer: NodeJS.Timeout | undefined;

  async function enter(change: ModeChange): Promise<void> {
    armed = null;
    mode = change.mode;
    if (change.forMs !== undefined) {
      until = Date.now() + change.forMs;
      timer = setTimeout(() => {
        until = null;
        enter({ mode: 'ok' }).catch(onError);
      }, change.forMs);
    }
    await listen(mode !== 'down');
  }

  function disarm(): void {
    clearTimeout(timer);
    until = null;
    armed = null;
  }

  return {
    set: async (change) => {
      disarm();
      if (change.afterRequests) armed = { change, inRequests: change.afterRequests };
      else await enter(change);
    },
    state: () => ({
      mode,
      pending: armed && { mode: armed.change.mode, inRequests: armed.inRequests },
      until,
    }),
    requestArrived: () => {
      const chosen = faultOfMode(mode);
      if (armed) {
        armed.inRequests -= 1;
        if (armed.inRequests === 0) enter(armed.change).catch(onError);
      }
      return chosen;
    },
    stop: disarm,
  };
}

function faultOfMode(mode: Mode): ChosenFault | null {
  // Down: what was under way, or came in on a connection it already had, is still answered.
  if (mode === 'ok' || mode === 'down') return null;
  if (typeof mode === 'number') return { fault: { kind: 'status', status: mode }, label: `mode:${mode}` };
  return { fault: mode, label: `mode:${mode.kind}` };
}
