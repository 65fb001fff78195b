// example: no-run a part of main.ts
/** The chat endpoint, `POST /chat`, which streams the model's reply, and `GET /stats`. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { text } from "node:stream/consumers";
import type { Laneway } from "laneway";
import type { Ask } from "./model.ts";
import { MODELS } from "./upstream.ts";

/** Starts the server; its URL is where visitors go. */
export async function startChat(
  laneway: Laneway,
  ask: Ask,
  port: number,
): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    answer(laneway, ask, request, response).catch((error: unknown) => {
      if (!response.destroyed) console.error(`chat: ${String(error)}`);
      response.destroy();
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function answer(
  laneway: Laneway,
  ask: Ask,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method, url } = request;
  if (method === "GET" && url === "/stats")
    return void response
      .setHeader("content-type", "application/json")
      .end(JSON.stringify(laneway.snapshot()));
  if (method !== "POST" || url !== "/chat") return void response.writeHead(404).end();
  const prompt = await text(request);
  // A visitor who leaves gives up the place in the queue, or stops the model.
  const visitor = new AbortController();
  response.once("close", () => visitor.abort());
  const flow = String(request.headers["x-visitor"] ?? request.socket.remoteAddress);
  const question = { model: MODELS.chat, prompt, maxTokens: 200, flow, stream: true, signal: visitor.signal };
  const reply = await ask(question);
  // A refusal is a reply too, and says when to come back.
  const headers = ["content-type", "retry-after"].flatMap((name) => {
    const value = reply.headers.get(name);
    return value === null ? [] : [name, value];
  });
  response.writeHead(reply.status, headers);
  // The seat is held until the last byte has passed.
  await pipeline(Readable.fromWeb(reply.body!), response);
}
