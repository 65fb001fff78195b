/**
 * The stand-in upstream of the gateway's benchmark: answers on raw sockets, so that it costs far less than the proxies
 * it is behind and is never what limits them. A body holding `"stream":true` gets events, the last of which tells the usage,
 * any other request 1 KB of JSON.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { EVENT_EVERY_MS, EVENTS_PER_STREAM } from "./events.ts";
import { PER_MINUTE } from "./limits.ts";

const text = "x".repeat(800);
const json = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1_700_000_000,
  model: "stand-in",
  choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }],
  usage: { prompt_tokens: 100, completion_tokens: 200, total_tokens: 300 },
});
const limitHeaders =
  `x-ratelimit-limit-requests: ${PER_MINUTE.requests}\r\nx-ratelimit-remaining-requests: ${PER_MINUTE.requests - 1}\r\nx-ratelimit-reset-requests: 1ms\r\n` +
  `x-ratelimit-limit-tokens: ${PER_MINUTE.tokens}\r\nx-ratelimit-remaining-tokens: ${PER_MINUTE.tokens - 300}\r\nx-ratelimit-reset-tokens: 6ms\r\n`;
const reply = Buffer.from(
  `HTTP/1.1 200 OK\r\ndate: Sat, 01 Jan 2028 00:00:00 GMT\r\ncontent-type: application/json\r\ncontent-length: ${json.length}\r\n` +
    `x-request-id: req_1\r\nopenai-processing-ms: 12\r\n${limitHeaders}\r\n${json}`,
);
const streamHead = Buffer.from(
  "HTTP/1.1 200 OK\r\ndate: Sat, 01 Jan 2028 00:00:00 GMT\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n" +
    `transfer-encoding: chunked\r\n${limitHeaders}\r\n`,
);
const chunkOf = (data: object): Buffer => {
  const event = `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", ...data })}\n\n`;
  return Buffer.from(`${event.length.toString(16)}\r\n${event}\r\n`);
};
const eventChunk = chunkOf({
  choices: [{ index: 0, delta: { content: "a few words" }, finish_reason: null }],
});
const usageChunk = chunkOf({
  choices: [],
  usage: { prompt_tokens: 100, completion_tokens: 200, total_tokens: 300 },
});
const lastChunk = Buffer.from("0\r\n\r\n");

function stream(socket: Socket): void {
  let sent = 0;
  socket.write(streamHead);
  const timer = setInterval(() => {
    socket.write(++sent < EVENTS_PER_STREAM ? eventChunk : usageChunk);
    if (sent < EVENTS_PER_STREAM) return;
    stop();
    socket.off("close", stop);
    socket.write(lastChunk);
  }, EVENT_EVERY_MS);
  const stop = (): void => clearInterval(timer);
  socket.on("close", stop);
}

/** The length in bytes of the first whole request in `data`, or 0 while a part is missing. */
function requestLength(data: string): number {
  const end = data.indexOf("\r\n\r\n");
  if (end === -1) return 0;
  const head = data.slice(0, end).toLowerCase();
  const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1];
  if (length !== undefined) return data.length >= end + 4 + Number(length) ? end + 4 + Number(length) : 0;
  if (!/\r\ntransfer-encoding: *chunked/.test(head)) return end + 4;
  const last = data.indexOf("0\r\n\r\n", end);
  return last === -1 ? 0 : last + 5;
}

const server = createServer({ noDelay: true }, (socket) => {
  let data = "";
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    data = data === "" ? chunk.toString("latin1") : data + chunk.toString("latin1");
    const length = requestLength(data);
    if (length === 0) return;
    const streamed = data.indexOf('"stream":true') !== -1;
    data = data.slice(length);
    if (streamed) stream(socket);
    else socket.write(reply);
  });
});
/** Listens on a free port of this machine, and says which. */
export async function listen(): Promise<number> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}
