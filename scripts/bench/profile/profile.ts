import { z } from 'zod';

/** What of a `.cpuprofile` is needed. */
const cpuProfile = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({
        functionName: z.string(),
        url: z.string(),
        lineNumber: z.number(),
        columnNumber: z.number(),
      }),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});

export type CpuProfile = z.infer<typeof cpuProfile>;
export type CallFrame = CpuProfile['nodes'][number]['callFrame'];

/** The text of a `.cpuprofile`. */
export function readProfile(json: string): CpuProfile {
  return cpuProfile.parse(JSON.parse(json));
}

/** Processor time in µs of what is on top of the stack, by what `nameOf` calls it; undefined: not counted. */
export function selfTimes(
  { nodes, samples, timeDeltas }: CpuProfile,
  nameOf: (frame: CallFrame) => string | undefined,
): Map<string, number> {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const times = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const name = names.get(id);
    // A sample lasts until the next one.
    if (name !== undefined) times.set(name, (times.get(name) ?? 0) + (timeDeltas[index + 1] ?? 0));
  }
  return times;
}
