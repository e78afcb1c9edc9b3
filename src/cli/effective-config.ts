import { readSettings, type Slices, secretsOfVariable } from '../base/config/config.ts';
import type { Problem, Variable } from '../base/config/formats.ts';
import { VARIABLES } from '../base/config/settings.ts';
import { REDACTED, type Redactor } from '../base/redaction.ts';

/** A variable as `doctor` shows it. */
interface EffectiveVariable {
  readonly name: string;
  readonly source: 'environment' | 'default' | 'unset';
  /** Masked where it is a secret. */
  readonly value: string;
}

export interface EffectiveConfig {
  readonly variables: readonly EffectiveVariable[];
  readonly problems: readonly Problem[];
  /** The settings with which nothing is wrong, to check what can be checked all the same. */
  readonly sound: Readonly<Partial<Slices>>;
}

/** Everything that any process would read from this environment. Never throws. */
export function effectiveConfig(env: NodeJS.ProcessEnv, redact: Redactor): EffectiveConfig {
  const settings = [...new Set(VARIABLES.map(({ setting }) => setting))];
  const { slices, problems } = readSettings(settings, env);
  const wrongVariables = new Set(problems.map(({ variable }) => variable));
  const wrong = VARIABLES.filter(({ variable }) => wrongVariables.has(variable.env));
  const wrongSettings = new Set(wrong.map(({ setting }) => setting));
  return {
    variables: VARIABLES.map(({ variable }) => describe(variable, env[variable.env]?.trim() ?? '', redact)),
    problems,
    sound: Object.fromEntries(Object.entries(slices).filter(([setting]) => !wrongSettings.has(setting))),
  };
}

function describe(variable: Variable, given: string, redact: Redactor): EffectiveVariable {
  const { env: name } = variable;
  const isSecret = secretsOfVariable(variable, given).length > 0;
  if (given !== '') return { name, source: 'environment', value: isSecret ? REDACTED : redact(given) };
  // Ours, and in the README.
  const byDefault = variable.default ?? undefined;
  if (byDefault === undefined) return { name, source: 'unset', value: '' };
  return { name, source: 'default', value: String(byDefault) };
}
