/** Two listeners for one server: on the one that takes both, Node cannot mark what goes to IPv4 clients. */

import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { once } from "node:events";
import { invalid } from "../../core/errors.ts";

/** Another program may have the port of the one address that came free on the other. */
const TRIES = 10;

/** How a server treats its connections, which a second listener must do alike. */
const SETTINGS = ["allowHalfOpen", "noDelay", "keepAlive", "keepAliveInitialDelay", "highWaterMark"] as const;

/**
 * Makes a server listen on all IPv4 and all IPv6 addresses, with a listener for each, so that the replies to both can be
 * marked. Resolves with the port; 0 takes any free one. `server.close()` closes both. On a host without IPv6 it is IPv4
 * alone.
 *
 * Rejects with the error of the system when the port cannot be had.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a server that listens already.
 * @example
 * markReplies(server, laneway);
 * await listenOnBoth(server, 8080);
 */
export async function listenOnBoth(server: Server, port: number): Promise<number> {
  if (server.listening)
    throw invalid("listenOnBoth: server", "a server that does not listen yet", "one that does");
  for (let tries = 1; ; tries++) {
    const second = createServer(settingsOf(server), (socket) => void server.emit("connection", socket));
    await listening(second, port, "0.0.0.0");
    const chosen = (second.address() as AddressInfo).port;
    try {
      await listening(server, chosen, "::");
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      second.close();
      await once(second, "close");
      if (code === "EADDRINUSE" && port === 0 && tries < TRIES) continue;
      if (code !== "EAFNOSUPPORT" && code !== "EADDRNOTAVAIL") throw error;
      await listening(server, chosen, "0.0.0.0");
      return chosen;
    }
    closeTogether(server, second);
    return chosen;
  }
}

function settingsOf(server: Server): object {
  const own = server as unknown as Readonly<Record<string, unknown>>;
  return Object.fromEntries(SETTINGS.flatMap((name) => (own[name] === undefined ? [] : [[name, own[name]]])));
}

async function listening(server: Server, port: number, host: string): Promise<void> {
  server.listen({ port, host, ipv6Only: host === "::" });
  await once(server, "listening");
}

/** A caller of `close` is told when the connections of both have ended. */
function closeTogether(server: Server, second: Server): void {
  const close = server.close.bind(server);
  server.close = (callback) => {
    let left = 2;
    let failure: Error | undefined;
    const ended = (error?: Error): void => {
      failure ??= error;
      if (--left === 0) callback?.(failure);
    };
    second.close(() => ended());
    close(ended);
    return server;
  };
}
