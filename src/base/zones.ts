const NEAR = 3;
/** More than so many letters wrong, and it is another name. */
const WRONG_MAX = 3;

/** Why that is no zone, with those that may be meant; undefined: it is one. */
export function zoneProblem(name: string): string | undefined {
  // A bare offset knows nothing of daylight saving.
  if (!/^[+-]/.test(name) && isKnown(name)) return undefined;
  const near = zonesNear(name);
  const meant = near.length > 0 ? `did you mean ${near.join(', ')}?` : 'they are named like America/Chicago';
  return `is no time zone: ${JSON.stringify(name.slice(0, 60))}; ${meant}`;
}

function isKnown(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

function zonesNear(name: string): string[] {
  const wanted = plain(name);
  return Intl.supportedValuesOf('timeZone')
    .map((zone) => ({ zone, wrong: Math.min(distance(wanted, plain(zone)), distance(wanted, city(zone))) }))
    .filter(({ wrong }) => wrong <= WRONG_MAX && wrong < wanted.length / 2)
    .toSorted((a, b) => a.wrong - b.wrong)
    .slice(0, NEAR)
    .map(({ zone }) => zone);
}

function plain(name: string): string {
  return name
    .slice(0, 60)
    .toLowerCase()
    .replaceAll(/[\s_-]+/g, '');
}

function city(zone: string): string {
  return plain(zone.slice(zone.lastIndexOf('/') + 1));
}

/** How many letters are to be put in, taken out or changed (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [index, letter] of Array.from(a).entries()) {
    const next = [index + 1];
    for (const [column, other] of Array.from(b).entries()) {
      const changed = (row[column] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(changed, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
