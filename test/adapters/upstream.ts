/** Services that calls go out to. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

export interface Upstream {
  /** Without a path. */
  readonly origin: string;
  readonly seen: IncomingMessage[];
}

/** A server that lives as long as the test, and remembers its requests. */
export async function upstream(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Upstream> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    answer(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

/** What a service was told of the lane and of the time that is left. */
export function toldTo({ headers }: IncomingMessage): (string | undefined)[] {
  const names = ["x-laneway-lane", "x-laneway-deadline-ms", "baggage"];
  return names.map((name) => headers[name]?.toString());
}
