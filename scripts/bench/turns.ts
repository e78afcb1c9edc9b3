/**
 * Each side once a turn, so that whatever else the machine does meets all of them alike; and each turn begins with
 * another one, so that none always follows the same.
 */
export async function takeTurns<Side extends string, Round>(
  sides: readonly Side[],
  turns: number,
  run: (side: Side, turn: number) => Promise<Round>,
): Promise<ReadonlyMap<Side, readonly Round[]>> {
  const rounds = new Map<Side, Round[]>(sides.map((side) => [side, []]));
  for (let turn = 0; turn < turns; turn += 1) {
    for (const side of rotated(sides, turn)) rounds.get(side)?.push(await run(side, turn));
  }
  return rounds;
}

function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const first = by % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}
