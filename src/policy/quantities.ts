/** Amounts as Kubernetes writes them: `500m` of a processor, `512Mi` of memory. Undefined for what cannot be read. */

const CPU = /^(?:(\d+(?:\.\d{1,3})?)|(\d+)m)$/;
const MEMORY = /^(\d+(?:\.\d{1,3})?)(k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/;

/** The patterns, for the JSON Schema. */
export const QUANTITY_PATTERNS: Readonly<Record<"cpu" | "memory", RegExp>> = { cpu: CPU, memory: MEMORY };

const BYTES: Readonly<Record<string, number>> = {
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/** A million processors: more than any cluster has. */
const CPU_MAX = 1e9;

/**
 * Thousandths of a processor, at least 1.
 *
 * @example
 * parseCpu("500m"); // => 500
 * parseCpu("1.5"); // => 1500
 */
export function parseCpu(text: string): number | undefined {
  const found = CPU.exec(text);
  if (found === null) return undefined;
  // 1.1 × 1000 is 1100.0000000000002 in binary.
  const value = found[2] === undefined ? Math.round(Number(found[1]) * 1_000) : Number(found[2]);
  return value >= 1 && value <= CPU_MAX ? value : undefined;
}

/**
 * Whole bytes, at least 1.
 *
 * @example
 * parseMemory("512Mi"); // => 536870912
 */
export function parseMemory(text: string): number | undefined {
  const found = MEMORY.exec(text);
  if (found === null) return undefined;
  const value = Math.ceil(Number(found[1]) * (BYTES[found[2] ?? ""] ?? 1));
  return value >= 1 && Number.isSafeInteger(value) ? value : undefined;
}
