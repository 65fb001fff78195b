/** What the behaviours share. */

import { setImmediate } from "node:timers/promises";
import { begin } from "./client.ts";
import type { App } from "./framework.ts";

/** A policy with one seat, and a lane for each purpose. */
export const ONE_SEAT: string = `
classify:
  - { path: /pay, lane: critical }
  - { path: /export/**, lane: bulk }
  - { path: /probe, lane: probes }
lanes:
  - { name: probes, exempt: true }
  - name: critical
  - name: normal
  - { name: bulk, queue: { max: 2 } }
trust: { header: x-priority }
resources: { http: { limit: 1 } }
`;

/** The least there is to serve. */
export const hello: App = () => ({ text: "hello" });

/** Sends requests, and gives each up before, while or after it is answered. */
export async function leaveAtRandom(url: string, requests: number): Promise<void> {
  let seed = 7;
  const random = (): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
  const one = async (n: number): Promise<void> => {
    const sent = begin(`${url}/export/${n}`);
    const over = new Promise<void>((resolve) => sent.once("close", () => resolve()));
    sent.on("error", () => {});
    sent.on("response", (reply) => (random() < 0.3 ? sent.destroy() : reply.resume()));
    for (let turns = Math.floor(random() * 24); turns > 0; turns--) await setImmediate();
    if (random() < 0.7) sent.destroy();
    await over;
  };
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < requests) await one(next++);
  };
  await Promise.all(Array.from({ length: 24 }, worker));
}

/** A stream that says "begun" and waits for the test. */
export function heldStream(
  controllers: ReadableStreamDefaultController<Uint8Array>[],
): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(Buffer.from("begun"));
      controllers.push(controller);
    },
  });
}
