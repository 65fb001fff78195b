// example: no-run a part of main.ts
/** People who chat: each asks, reads the answer to its end, thinks for a moment, and asks again. */

import { setTimeout as pause } from "node:timers/promises";

/** What they met so far. */
export interface Chatted {
  answers: number;
  /** Questions that were not answered. */
  failures: number;
}

/** Chats until `signal` aborts; an answer that has begun is read to its end. */
export async function visit(url: string, name: string, signal: AbortSignal, chatted: Chatted): Promise<void> {
  while (!signal.aborted) {
    const reply = await fetch(`${url}/chat`, {
      method: "POST",
      headers: { "x-visitor": name },
      body: "Who goes first when there is not enough for everyone?",
    });
    const events = await reply.text();
    if (events.includes("message_stop")) chatted.answers++;
    else chatted.failures++;
    await pause(150, undefined, { signal }).catch(() => undefined);
  }
}
