/**
 * What stands beside the container in its network, run there by container.test.ts: the upstream at 127.0.0.1:3000, which holds
 * replies back until it is told to give them, and whoever asks.
 */

import { createServer, get } from "node:http";
import type { ServerResponse } from "node:http";

/** What this process is told. */
export type Order = { readonly ask: string; readonly id: number } | { readonly release: true };

/** What it tells: that it listens, that a request has arrived at the upstream, or how one was answered. */
export type News =
  | { readonly listens: true }
  | { readonly arrived: string }
  | { readonly id: number; readonly status: number; readonly text: string };

const held: ServerResponse[] = [];
const tell = (news: News): void => void process.send?.(news);

createServer((req, res) => {
  held.push(res);
  tell({ arrived: req.url ?? "" });
}).listen(3000, "127.0.0.1", () => tell({ listens: true }));

process.on("message", (order: Order) => {
  if ("release" in order) {
    for (const res of held.splice(0)) res.end("from the upstream");
    return;
  }
  const { ask, id } = order;
  get(ask, { agent: false }, (res) => {
    let text = "";
    res.setEncoding("utf8").on("data", (piece: string) => (text += piece));
    res.on("end", () => tell({ id, status: res.statusCode ?? 0, text }));
  }).on("error", (error) => tell({ id, status: 0, text: error.message }));
});
process.once("disconnect", () => process.exit());
