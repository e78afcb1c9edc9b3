import type { Command } from 'commander';
import { secretsOf } from '../base/config/config.ts';
import { createRedactor } from '../base/redaction.ts';
import type { Check } from './check.ts';
import { checkServices } from './doctor-checks.ts';
import { examineTogether } from './doctor-fleet.ts';
import { type EffectiveConfig, effectiveConfig } from './effective-config.ts';
import { checkOf } from './finding.ts';
import { table } from './table.ts';

interface Diagnosis {
  readonly ok: boolean;
  readonly variables: EffectiveConfig['variables'];
  readonly checks: readonly Check[];
}

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('show the effective configuration and check Redis, Postgres and Conexxus')
    .option('--json', 'as JSON')
    .action(async ({ json = false }: { json?: boolean }) => {
      const diagnosis = await diagnose(process.env);
      console.log(json ? JSON.stringify(diagnosis, undefined, 2) : render(diagnosis));
      if (!diagnosis.ok) process.exitCode = 1;
    });
}

async function diagnose(env: NodeJS.ProcessEnv): Promise<Diagnosis> {
  const redact = createRedactor(secretsOf(env));
  const { variables, problems, sound } = effectiveConfig(env, redact);
  const checks = [
    ...checkConfig(problems),
    ...examineTogether(sound).map(checkOf),
    ...(await checkServices(sound, redact)),
  ];
  return { ok: checks.every(({ ok }) => ok), variables, checks };
}

function checkConfig(problems: EffectiveConfig['problems']): Check[] {
  if (problems.length === 0) return [{ name: 'Configuration', ok: true, message: 'valid' }];
  return problems.map(({ text }) => ({ name: 'Configuration', ok: false, message: text }));
}

function render({ ok, variables, checks }: Diagnosis): string {
  const rows = variables.map(({ name, value, source }) => [name, value || '-', source]);
  const findings = checks.map((check) => [check.ok ? 'ok' : 'FIX', check.name, check.message]);
  const wrong = checks.filter((check) => !check.ok).length;
  return [
    'Configuration',
    ...table(rows),
    '',
    'Checks',
    ...table(findings),
    '',
    ok ? 'All is well.' : `${wrong} of ${checks.length} checks need fixing.`,
  ].join('\n');
}
