/** Random values that are the same in every run, and pieces of a text with borders anywhere. */

export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export function pick<T>(random: () => number, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!;
}

/** The same bytes in pieces of random sizes, many of one byte. */
export function pieces(random: () => number, bytes: Buffer): Buffer[] {
  const largest = pick(random, [1, 2, 7, 60, 1_000]);
  const result: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = 1 + Math.floor(random() * largest);
    result.push(bytes.subarray(at, at + size));
    at += size;
  }
  return result;
}
