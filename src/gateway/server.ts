/**
 * The proxy's own server: what it accepts before a request exists, and how it refuses what is not one. Nothing here
 * knows lanes.
 */

import { createServer, STATUS_CODES } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { PROVIDERS } from "../providers/known.ts";
import type { RefusalKind } from "../providers/provider.ts";
import { newRequestId } from "../requests/request-id.ts";

const HEADERS_MAX_BYTES = 32_768;
/** Bounds a client that drips its headers. */
const HEADERS_TIMEOUT_MS = 60_000;
/** Longer than load balancers keep an idle connection (60 s is common), so that it is they who close first. */
const KEEP_ALIVE_MS = 75_000;

/** What the server hands on. */
export interface RequestHandler {
  serve(req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): Promise<void>;
  /** The bytes on this connection stopped being HTTP. True: a request under way answers for it. */
  broken(socket: Duplex, message: string): boolean;
}

export function createProxyServer(handler: RequestHandler): Server {
  // No bound on a whole request: one that is queued with its body unread may take as long as its lane allows. Bodies
  // that are read before admission have a bound of their own, the others the lane's time-out.
  const server = createServer({
    maxHeaderSize: HEADERS_MAX_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    noDelay: true,
  });
  // Bytes bound them. Beyond a number of them some versions of Node go on with a list that is not what was sent, and the upstream
  // would see a header that no rule has.
  server.maxHeadersCount = 0;
  server.on("request", (req, res) => void handler.serve(req, res, false));
  server.on("checkContinue", (req, res) => void handler.serve(req, res, true));
  server.on("connect", (_req, socket) => end(socket, "not-implemented", NO_TUNNELS));
  server.on("clientError", (error, socket) => clientError(handler, error, socket));
  return server;
}

const NO_TUNNELS =
  "this is not a forward proxy: point the client's base URL at it instead of its proxy setting";

function clientError(handler: RequestHandler, error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [kind, message] = explain(error.code ?? "");
  if (!handler.broken(socket, message)) end(socket, kind, message);
}

function explain(code: string): readonly [RefusalKind, string] {
  if (code === "HPE_HEADER_OVERFLOW")
    return ["headers-too-large", `expected headers of at most ${HEADERS_MAX_BYTES} bytes in all`];
  if (code === "ERR_HTTP_REQUEST_TIMEOUT")
    return ["upload-timeout", `the headers did not arrive within ${HEADERS_TIMEOUT_MS / 1_000} s`];
  if (code === "HPE_CHUNK_EXTENSIONS_OVERFLOW") return ["too-large", "the chunk extensions are too long"];
  return ["bad-request", `this is not valid HTTP/1.1 (${code})`];
}

/** Answers on a bare socket and closes it: there is no request whose protocol could be known. */
function end(socket: Duplex, kind: RefusalKind, message: string): void {
  const requestId = newRequestId();
  const { status, contentType, body } = PROVIDERS.http.refusal({ kind, message, requestId });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `content-type: ${contentType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    `laneway-request-id: ${requestId}`,
    "connection: close",
  ];
  socket.on("error", () => socket.destroy());
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => (socket as Socket).destroySoon());
}
