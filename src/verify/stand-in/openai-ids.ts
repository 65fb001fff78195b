import { randomUUID } from "node:crypto";

/** An identifier as OpenAI makes them: a prefix and letters. */
export function newId(prefix: string): string {
  return prefix + randomUUID().replaceAll("-", "").slice(0, 24);
}

/** Seconds since the epoch, as OpenAI writes times. */
export function secondsOf(ms: number): number {
  return Math.floor(ms / 1_000);
}

/** One event of a stream without a name. */
export function data(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}
