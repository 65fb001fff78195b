/** Writes replies, in whole or as badly as a behaviour says. */

import type { ServerResponse } from "node:http";
import type { Behaviour } from "./behaviour.ts";
import type { QuickAnswer } from "./dialect.ts";

/** One reply on its way out. */
export class Wire {
  readonly #response: ServerResponse;
  readonly #behaviour: Behaviour;
  #events = 0;
  #bytes = 0;

  constructor(response: ServerResponse, behaviour: Behaviour) {
    this.#response = response;
    this.#behaviour = behaviour;
  }

  /** The caller left, or we cut the connection. */
  get gone(): boolean {
    return this.#response.destroyed;
  }

  /** A reply that is there at once. */
  quick(answer: QuickAnswer): void {
    const body = Buffer.from(answer.body);
    this.head(answer.status, {
      "content-type": "application/json",
      ...answer.headers,
      "content-length": String(body.length),
    });
    if (this.write(body)) this.end();
  }

  /** Before the head only a cut can come. */
  head(status: number, headers: Readonly<Record<string, string>>): void {
    if (this.gone || this.#response.headersSent) return;
    if (this.#behaviour.cutAfterEvents === 0 || this.#behaviour.cutAfterBytes === 0) return this.cut();
    this.#response.writeHead(status, { ...headers, ...this.#behaviour.headers });
  }

  /** Writes one event. False when the reply stops here. */
  write(chunk: Buffer): boolean {
    const {
      cutAfterBytes = Infinity,
      cutAfterEvents = Infinity,
      stallAfterEvents = Infinity,
    } = this.#behaviour;
    if (this.gone || this.#events >= stallAfterEvents) return false;
    const allowed = cutAfterBytes - this.#bytes;
    this.#events++;
    this.#bytes += chunk.length;
    if (this.#bytes >= cutAfterBytes || this.#events >= cutAfterEvents) {
      // Only when the bytes are on their way may the connection go.
      this.#response.write(chunk.subarray(0, Math.min(allowed, chunk.length)), () => this.cut());
      return false;
    }
    this.#response.write(chunk);
    return this.#events < stallAfterEvents;
  }

  end(): void {
    this.#response.end();
  }

  cut(): void {
    if (this.#behaviour.reset === true) this.#response.socket?.resetAndDestroy();
    else this.#response.destroy();
  }

  /** Something that no HTTP client can read. */
  garbage(): void {
    this.#response.socket?.end("\u0000\u0001 this is no HTTP \r\n\r\n\uFFFD");
  }
}
