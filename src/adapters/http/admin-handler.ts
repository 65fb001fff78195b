/** What operators see of a program's lanes, and may change for a time, as one handler for the program's own server. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { dialledByAddress } from "../../admin/access.ts";
import { adminPages } from "../../admin/handler.ts";
import type { AdminOptions } from "../../admin/handler.ts";
import { sendJson } from "../../admin/reply.ts";
import { invalid } from "../../core/errors.ts";
import { MetricsPage } from "../../metrics/page.ts";
import { isLoopback, plainAddress } from "../../policy/address.ts";
import type { Laneway } from "../../policy/laneway.ts";
import { claimCounts } from "../../requests/claims.ts";

/** Options of `adminHandler`; all have safe defaults. */
export type AdminHandlerOptions = Pick<
  AdminOptions,
  "token" | "prefix" | "privateReads" | "draining" | "log"
>;

/** A request listener for the pages; `close` stops what it measures and ends its open pages. */
export interface AdminMount {
  (req: IncomingMessage, res: ServerResponse): void;
  close(): void;
}

const SHORTEST_TOKEN = 16;
const NOT_HERE = {
  error:
    "without a token these pages answer only requests from this machine that name an IP address or localhost: give adminHandler a token, or privateReads: false where something else guards it",
};

/**
 * The pages of an operator as a request listener for any server of `node:http` and what is built on it: the live page,
 * its feed for `laneway top`, `/metrics`, `/healthz` and `/readyz`. With a `token` (16 characters or more) whoever has
 * it may read, and change limits and lanes for a time; without one, whoever is on this machine may read.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a token that is too short, and a prefix without a leading slash.
 * @example
 * const admin = adminHandler(laneway, { token: process.env.LANEWAY_ADMIN_TOKEN });
 * app.use("/lanes", admin); // Express; elsewhere give { prefix: "/lanes" }
 */
export function adminHandler(laneway: Laneway, options: AdminHandlerOptions = {}): AdminMount {
  const { token, prefix, privateReads } = options;
  if (token !== undefined && (typeof token !== "string" || token.length < SHORTEST_TOKEN))
    throw invalid(
      "adminHandler: token",
      `${SHORTEST_TOKEN} characters or more`,
      typeof token === "string" ? `${token.length} of them` : typeof token,
    );
  if (prefix !== undefined && (typeof prefix !== "string" || !prefix.startsWith("/")))
    throw invalid("adminHandler: prefix", "a path that begins with /", prefix);
  const own = new MetricsPage(laneway, { claims: () => claimCounts(laneway).list() });
  const pages = adminPages(laneway, {
    metrics: (accept) => own.read(accept),
    ...options,
    privateReads: privateReads ?? token !== undefined,
  });
  const toAll = token !== undefined || privateReads === false;
  const handler = (req: IncomingMessage, res: ServerResponse): void => {
    if (toAll || isFromHere(req)) pages(req, res);
    else sendJson(req, res, 403, NOT_HERE);
  };
  const close = (): void => {
    pages.close();
    own.close();
  };
  return Object.assign(handler, { close });
}

function isFromHere({ socket, headers }: IncomingMessage): boolean {
  const { remoteAddress } = socket;
  // What a proxy passes on comes from somewhere else, whatever its socket says.
  const passedOn = headers.forwarded !== undefined || headers["x-forwarded-for"] !== undefined;
  return (
    !passedOn &&
    // A socket in the file system has no address: who may open it, its rights say.
    (remoteAddress === undefined || isLoopback(plainAddress(remoteAddress))) &&
    dialledByAddress(headers.host, undefined)
  );
}
