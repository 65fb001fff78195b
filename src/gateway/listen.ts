/** Opening and closing a server, with errors that say what to change. */

import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { invalid } from "../core/errors.ts";
import { parseAddress } from "../policy/address.ts";

/** What to do about the errors that listening ends with. */
const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use; stop what listens there, or choose another port",
  EACCES: "this user may not listen there; choose a port from 1024 up",
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "there is no such host",
};

/**
 * Listens on `host:port` and returns the URL; `option` is what the address is called in messages. What goes wrong later,
 * a connection that cannot be taken for want of file descriptors say, is logged and does not end the server.
 */
export function listen(
  server: Server,
  option: string,
  text: string,
  log: (line: string) => void,
): Promise<string> {
  const address = parseAddress(text);
  if (address === undefined)
    return Promise.reject(invalid(option, "an address such as 127.0.0.1:8080", text));
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      const reason = ADVICE[error.code ?? ""] ?? error.message;
      reject(
        Object.assign(new Error(`cannot listen on ${text} (${option}): ${reason}`), { code: error.code }),
      );
    };
    server.once("error", failed);
    server.listen(address.port, address.host, () => {
      server.off("error", failed);
      server.on("error", (error) => log(`${option}: ${error.message}`));
      resolve(urlOf(server.address() as AddressInfo));
    });
  });
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

/** Stops listening and cuts what is still connected. */
export function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
