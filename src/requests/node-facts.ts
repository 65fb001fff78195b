/** What a request of Node's own kind (http, https, and http2's compatible form) tells the policy. */

import type { IncomingMessage } from "node:http";
import { plainAddress } from "../policy/address.ts";
import type { RequestFacts } from "../policy/classify.ts";

/** A request as routers leave it: Express and Connect cut `url` down to what lies under the mount point. */
interface Routed extends IncomingMessage {
  readonly originalUrl?: string;
  /** The host that an HTTP/2 request names. */
  readonly authority?: string;
}

/** Reads each fact only when a rule asks for it. */
export class NodeFacts implements RequestFacts {
  readonly #req: Routed;

  constructor(req: IncomingMessage) {
    this.#req = req;
  }

  get method(): string {
    return this.#req.method ?? "GET";
  }

  get path(): string {
    return originForm(this.#req.originalUrl ?? this.#req.url ?? "/");
  }

  get host(): string | undefined {
    return this.#req.headers.host ?? this.#req.authority;
  }

  get remoteAddress(): string | undefined {
    const address = this.#req.socket?.remoteAddress;
    return address === undefined ? undefined : plainAddress(address);
  }

  header(name: string): string | undefined {
    const value = this.#req.headers[name];
    return typeof value === "object" ? value.join(", ") : value;
  }
}

/** A request may name its whole URL (RFC 9112 §3.2.2). */
export function originForm(target: string): string {
  if (target.charCodeAt(0) === 0x2f) return target;
  const scheme = /^https?:\/\/[^/?#]*/i.exec(target);
  if (scheme === null) return target;
  const rest = target.slice(scheme[0].length);
  return rest.startsWith("/") ? rest : `/${rest}`;
}
