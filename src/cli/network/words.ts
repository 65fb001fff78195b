/** What the command line says of the network, checked before a word of it gets near a shell. */

import { readFileSync } from "node:fs";

/** Why a word cannot be taken: what was expected, what was found. */
export class WordError extends Error {
  override readonly name = "WordError";
}

const UNITS: Readonly<Record<string, number>> = { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9, tbit: 1e12 };
const LEAST_BITS = 64e3;
const MOST_BITS = 4e12;

/** `10mbit` in bits per second. */
export function parseLinkRate(text: string): number {
  const [, number, unit] = /^(\d{1,12}(?:\.\d{1,6})?)([a-z]+)$/i.exec(text) ?? [];
  const factor = UNITS[(unit ?? "").toLowerCase()];
  const bits = factor === undefined ? NaN : Math.round(Number(number) * factor);
  if (bits >= LEAST_BITS && bits <= MOST_BITS) return bits;
  // To tc, 10mbps are megabytes; to everybody else they are not.
  const hint = /bps$/i.test(text) ? "; write bits per second as 10mbit" : "";
  throw new WordError(
    `--rate: expected a rate from 64kbit to 4tbit, such as 10mbit, found ${JSON.stringify(text)}${hint}`,
  );
}

/** A name that an interface can have and that means nothing to a shell. */
export function parseInterface(text: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.@:-]{0,14}$/.test(text)) return text;
  throw new WordError(
    `--interface: expected a name of at most 15 letters, digits, _ . : @ and -, found ${JSON.stringify(text)}`,
  );
}

/** The interface, if this host has it. */
export function presentInterface(name: string, listed: string = interfaces()): string {
  const names = listed
    .split("\n")
    .flatMap((line) => (line.includes(":") ? [line.slice(0, line.lastIndexOf(":")).trim()] : []));
  // The table's head has a colon nowhere; the name of an interface may have one.
  if (names.includes(name)) return name;
  throw new WordError(
    `--interface: expected one of this host's, ${names.join(", ") || "which tells none"}, found ${JSON.stringify(name)}; --no-check prints it for another host`,
  );
}

/** Of the network namespace that this process is in. */
function interfaces(): string {
  try {
    return readFileSync("/proc/self/net/dev", "utf8");
  } catch {
    return "";
  }
}
