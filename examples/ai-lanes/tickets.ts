// example: no-run a part of main.ts
/** The background pipeline: tickets come in all day, and each gets a summary within seconds. */

import { setInterval } from "node:timers/promises";
import type { Ask } from "./model.ts";
import { textOf } from "./model.ts";
import { MODELS } from "./upstream.ts";

const EVERY_MS = 500;

/** Takes tickets until `signal` aborts, finishes those it took, and says how many got their summary. */
export async function summariseTickets(ask: Ask, signal: AbortSignal): Promise<number> {
  const taken: Promise<boolean>[] = [];
  try {
    let ticket = 0;
    for await (const _ of setInterval(EVERY_MS, undefined, { signal })) taken.push(summarise(ask, ++ticket));
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return (await Promise.all(taken)).filter(Boolean).length;
}

async function summarise(ask: Ask, ticket: number): Promise<boolean> {
  const prompt = `Sum up ticket ${ticket} in a sentence: the lift stops between two floors again.`;
  try {
    await textOf(await ask({ model: MODELS.cheap, prompt, maxTokens: 24, flow: "tickets" }));
    return true;
  } catch (error) {
    console.error(`ticket ${ticket}: ${String(error)}`);
    return false;
  }
}
