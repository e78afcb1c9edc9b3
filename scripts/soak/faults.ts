import type { Dice } from './dice.ts';
import type { Site } from './site.ts';
import type { Unrest } from './unrest.ts';
import type { Crew } from './workers.ts';

/** What a fault falls upon; two of the same kind are never at work at once. */
type Target = 'api' | 'workers' | 'redis' | 'postgres' | 'people';

/** A kind of fault from the matrix. */
export interface Fault {
  readonly name: string;
  readonly target: Target;
  /** It is steered by its effect, which another one would disturb. */
  readonly alone?: true;
  /** Injects it, lets it last, and lifts it; earlier where `ending` aborts. */
  strike(scene: Scene, ending: AbortSignal): Promise<void>;
}

export interface Scene {
  readonly site: Site;
  readonly crew: Crew;
  readonly dice: Dice;
  readonly unrest: Unrest;
  /** Something is wrong with the product. */
  readonly blame: (problem: string) => void;
}
