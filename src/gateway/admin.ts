/**
 * The admin port: health, metrics, the live page and what an operator may do. On a loopback address it answers whoever
 * dialled it by an address, anywhere else whoever has the token.
 */

import { createServer } from "node:http";
import type { Server } from "node:http";
import { dialledByAddress } from "../admin/access.ts";
import { adminPages } from "../admin/handler.ts";
import { send, sendJson } from "../admin/reply.ts";
import { isLoopback, parseAddress } from "../policy/address.ts";
import { MetricsPage } from "../metrics/page.ts";
import { gatewayFamilies } from "./metrics.ts";
import type { Service } from "./serve.ts";

const TEXT = "text/plain; charset=utf-8";
const WRONG_HOST = {
  error:
    "this port answers only requests whose host is an IP address, localhost or the address it listens on",
};

interface AdminServerOptions {
  /** What it listens on, as the policy or the command line has it. */
  readonly address: string;
  /** The URL of the gateway itself. */
  readonly gateway: string;
  readonly log: (line: string) => void;
}

/** Serves the admin pages of a gateway; they follow its policy until the server closes. */
export function createAdminServer(service: Service, { address, gateway, log }: AdminServerOptions): Server {
  const ownHost = parseAddress(address)?.host;
  const local = isLoopback(ownHost ?? "localhost");
  const metrics = new MetricsPage(service.laneway, {
    claims: () => service.counters.claims.values(),
    more: () => gatewayFamilies(service.counters, service.laneway.policy),
  });
  const pages = adminPages(service.laneway, {
    token: service.laneway.policy.gateway.adminToken?.reveal(),
    privateReads: !local,
    gateway,
    draining: () => service.draining,
    metrics: (accept) => metrics.read(accept),
    log,
  });
  const server = createServer((req, res) => {
    if (!local || dialledByAddress(req.headers.host, ownHost)) pages(req, res);
    else sendJson(req, res, 403, WRONG_HOST);
  });
  server.on("close", () => {
    pages.close();
    metrics.close();
  });
  return server;
}

/** Health checks and nothing else, for a port that others can reach. */
export function createProbesServer(service: Service): Server {
  return createServer((req, res) => {
    const path = req.url!.split("?", 1)[0]!;
    if (path !== "/healthz" && path !== "/readyz")
      return sendJson(req, res, 404, { error: `there is no ${path} here`, paths: ["/healthz", "/readyz"] });
    if (req.method !== "GET" && req.method !== "HEAD") {
      res.setHeader("allow", "GET, HEAD");
      return sendJson(req, res, 405, { error: `expected GET or HEAD, found ${req.method}` });
    }
    const draining = path === "/readyz" && service.draining;
    return send(
      req,
      res,
      draining ? 503 : 200,
      TEXT,
      draining ? "draining\n" : path === "/readyz" ? "ready\n" : "ok\n",
    );
  });
}
