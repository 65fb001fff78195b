/**
 * The marks that a packet can carry: the code points of differentiated services, with the names that the standards give
 * them (RFC 2474, 2597, 3246, 5865, 8622).
 */

/** The code points with a name, most usual name first. */
const NAMED: Readonly<Record<string, number>> = {
  DF: 0,
  LE: 1,
  ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7].map((level) => [`CS${level}`, 8 * level])),
  ...Object.fromEntries(
    [1, 2, 3, 4].flatMap((level) => [1, 2, 3].map((drop) => [`AF${level}${drop}`, 8 * level + 2 * drop])),
  ),
  EF: 46,
  VA: 44,
  CS0: 0,
};

/** The largest: six bits. */
const CODE_POINT_MAX = 63;

/** A number from 0 to 63 or a standard name in any case as a code point; undefined for anything else. */
export function parseCodePoint(value: unknown): number | undefined {
  if (typeof value === "number")
    return Number.isInteger(value) && value >= 0 && value <= CODE_POINT_MAX ? value : undefined;
  if (typeof value !== "string") return undefined;
  const name = value.toUpperCase();
  return Object.hasOwn(NAMED, name) ? NAMED[name] : undefined;
}

/** The standard name of a code point, else its number. */
export function codePointName(codePoint: number): string {
  return Object.keys(NAMED).find((name) => NAMED[name] === codePoint) ?? String(codePoint);
}
