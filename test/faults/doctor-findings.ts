import { startProcess } from '../support/process.ts';
import type { Stand } from '../support/stand.ts';

/** What `doctor` finds wrong with the installation, by name. */
export async function findings({ env }: Stand): Promise<Record<string, string>> {
  const doctor = startProcess('dist/cli.js', env, ['doctor', '--json']);
  await doctor.exited;
  const report = doctor.logs.map(({ msg }) => msg).join('\n');
  const { checks }: { checks: { name: string; ok: boolean; message: string }[] } = JSON.parse(report);
  return Object.fromEntries(checks.filter(({ ok }) => !ok).map(({ name, message }) => [name, message]));
}
