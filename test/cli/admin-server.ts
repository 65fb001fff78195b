import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { adminHandler } from "../../src/adapters/http.ts";
import type { AdminHandlerOptions } from "../../src/adapters/http.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";

export const TOKEN = "correct horse battery staple";

export const POLICY = `
lanes:
  - { name: critical, reservation: 1, lendable: 0 }
  - { name: bulk }
resources: { db: { limit: 2 }, http: { limit: 8 } }
`;

/** Admin pages that the commands can ask, served as a program does it. */
export class AdminServer {
  readonly laneway: Laneway;
  readonly #options: AdminHandlerOptions;
  #server: Server | undefined = undefined;
  #close: () => void = () => undefined;
  #port = 0;

  constructor(laneway: Laneway, options: AdminHandlerOptions) {
    this.laneway = laneway;
    this.#options = options;
  }

  /** Starts where it was before, the second time. */
  async start(): Promise<void> {
    const pages = adminHandler(this.laneway, { log: () => undefined, ...this.#options });
    const server = createServer(pages).listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    this.#close = pages.close;
  }

  async stop(): Promise<void> {
    this.#close();
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}${this.#options.prefix ?? ""}`;
  }
}

/** Pages of a policy, stopped after the test. */
export async function adminServer(
  t: TestContext,
  { policy = POLICY, ...options }: AdminHandlerOptions & { readonly policy?: string | Laneway } = {},
): Promise<AdminServer> {
  const laneway = typeof policy === "string" ? new Laneway(await parsePolicy(policy)) : policy;
  const server = new AdminServer(laneway, options);
  await server.start();
  t.after(async () => {
    await server.stop();
    laneway.close();
  });
  return server;
}
