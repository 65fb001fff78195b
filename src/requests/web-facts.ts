/** What a web-standard request tells the policy. */

import { plainAddress } from "../policy/address.ts";
import type { RequestFacts } from "../policy/classify.ts";

/** What is read of a `Request`. */
export interface WebRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  readonly signal: AbortSignal;
}

/** Reads each fact only when a rule asks for it. */
export class WebFacts implements RequestFacts {
  readonly #request: WebRequest;
  readonly #address: string | undefined;

  /** A request of this kind does not know who sent it: `address` is what the runtime says. */
  constructor(request: WebRequest, address: string | undefined) {
    this.#request = request;
    this.#address = address;
  }

  get method(): string {
    return this.#request.method;
  }

  get path(): string {
    const { url } = this.#request;
    const scheme = url.indexOf("://");
    const path = url.indexOf("/", scheme === -1 ? 0 : scheme + 3);
    return path === -1 ? "/" : url.slice(path);
  }

  get host(): string | undefined {
    const { url } = this.#request;
    return this.header("host") ?? /^[a-z]+:\/\/([^/?#]*)/i.exec(url)?.[1];
  }

  get remoteAddress(): string | undefined {
    return this.#address === undefined ? undefined : plainAddress(this.#address);
  }

  header(name: string): string | undefined {
    return this.#request.headers.get(name) ?? undefined;
  }
}
