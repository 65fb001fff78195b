/**
 * The admin port: health, metrics and a snapshot, all read-only. It listens on a loopback address, and answers only
 * requests that dialled it by an address: a page in the operator's browser can make a name of its own point here, but
 * then that name is what its requests carry.
 */

import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { isIP } from "node:net";
import { parseAddress } from "../policy/address.ts";
import { metricsText } from "./metrics.ts";
import type { Service } from "./serve.ts";

interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** `probesOnly`: health checks and nothing else, for a port that others can reach. */
export function createAdminServer(
  service: Service,
  address: string,
  { probesOnly = false }: { readonly probesOnly?: boolean } = {},
): Server {
  const pages: Record<string, () => Page> = {
    "/healthz": () => text(200, "ok\n"),
    "/readyz": () => (service.draining ? text(503, "draining\n") : text(200, "ready\n")),
  };
  if (!probesOnly) {
    pages["/metrics"] = () => ({
      status: 200,
      contentType: "text/plain; version=0.0.4; charset=utf-8",
      body: metricsText(service.laneway.snapshot(), service.counters),
    });
    pages["/api/snapshot"] = () => json(200, service.laneway.snapshot());
  }
  const ownHost = parseAddress(address)?.host;
  return createServer((req, res) => {
    const page = probesOnly || dialledByAddress(req.headers.host, ownHost) ? pageOf(req, pages) : WRONG_HOST;
    send(req, res, page);
  });
}

const WRONG_HOST = json(403, {
  error:
    "this port answers only requests whose host is an IP address, localhost or the address it listens on",
});

function pageOf(req: IncomingMessage, pages: Readonly<Record<string, () => Page>>): Page {
  const path = req.url!.split("?", 1)[0]!;
  if (!Object.hasOwn(pages, path))
    return json(404, { error: `there is no ${path} here`, paths: Object.keys(pages) });
  if (req.method !== "GET" && req.method !== "HEAD")
    return json(405, { error: `expected GET or HEAD, found ${req.method}` });
  return pages[path]!();
}

/** A request without a host is no browser's. */
function dialledByAddress(header: string | undefined, ownHost: string | undefined): boolean {
  if (header === undefined) return true;
  const host = header.replace(/:\d+$/, "").toLowerCase();
  const bare = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  return isIP(bare) !== 0 || bare === "localhost" || bare === ownHost?.toLowerCase();
}

function send(req: IncomingMessage, res: ServerResponse, { status, contentType, body }: Page): void {
  const headers = {
    "content-type": contentType,
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  };
  res.writeHead(status, status === 405 ? { ...headers, allow: "GET, HEAD" } : headers);
  res.end(req.method === "HEAD" ? undefined : body);
}

function text(status: number, body: string): Page {
  return { status, contentType: "text/plain; charset=utf-8", body };
}

function json(status: number, value: unknown): Page {
  return { status, contentType: "application/json", body: `${JSON.stringify(value)}\n` };
}
