/** One line of `doctor`. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** What was found; where it is not ok, with the fix. */
  readonly message: string;
}

/** Each service answers within this, or is reported as silent. */
export const ANSWER_MS = 6_000;

export function passed(name: string, message: string): Check {
  return { name, ok: true, message };
}

export function failed(name: string, message: string): Check {
  return { name, ok: false, message };
}

export function unconfigured(name: string, variables: string): Check {
  return failed(name, `not checked: set ${variables} right first`);
}

export async function answered<T>(answer: PromiseLike<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
  });
  try {
    return await Promise.race([answer, silence]);
  } finally {
    clearTimeout(timer);
  }
}
