/**
 * PostgreSQL's CancelRequest: a connection of its own, without login and without a seat, that asks the server to stop
 * what a backend runs. It names the backend, not the query: see `preempt.ts` for what follows from that.
 */

import { connect } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ConnectionOptions } from "node:tls";
import type { PoolClient } from "pg";

const CANCEL_BYTES = 16;
const CANCEL_CODE = 80_877_102;
const TLS_BYTES = 8;
const TLS_CODE = 80_877_103;
const YES = "S".charCodeAt(0);
/** A server that does not close the connection by then will not hear us. */
const PATIENCE_MS = 2_000;

/** What the driver knows of a connection, beside its types. */
interface Backend {
  readonly processID?: number | null;
  readonly secretKey?: number | null;
  readonly host?: string;
  readonly port?: number;
  readonly ssl?: boolean | ConnectionOptions;
  readonly sslNegotiation?: string;
  readonly connection?: { readonly stream?: Partial<Socket> };
}

/** Whether the server can be asked to stop what this client runs: not with the native driver. */
export function isCancellable(client: PoolClient): boolean {
  const { processID, secretKey } = client as unknown as Backend;
  return typeof processID === "number" && typeof secretKey === "number";
}

/** Asks, and resolves when the server has closed the connection or cannot be reached. It never rejects. */
export async function cancel(client: PoolClient): Promise<void> {
  const backend = client as unknown as Backend;
  const sockets: Socket[] = [];
  const timer = setTimeout(() => sockets.forEach((socket) => socket.destroy()), PATIENCE_MS).unref();
  try {
    const plain = open(backend);
    sockets.push(plain);
    const socket = await secured(backend, plain);
    if (socket !== plain) sockets.push(socket);
    socket.end(cancelRequest(backend));
    socket.resume();
    await closed(socket);
  } catch {
    // The query goes on; whoever waits for its seat waits as it would have without this.
  } finally {
    clearTimeout(timer);
    for (const socket of sockets) socket.destroy();
  }
}

/** To the very server that the client talks to, where a name stands for several. */
function open({ host = "localhost", port = 5432, connection }: Backend): Socket {
  if (host.startsWith("/")) return connect(`${host}/.s.PGSQL.${port}`);
  return connect(connection?.stream?.remotePort ?? port, connection?.stream?.remoteAddress ?? host);
}

function cancelRequest({ processID, secretKey }: Backend): Buffer {
  const bytes = Buffer.alloc(CANCEL_BYTES);
  bytes.writeInt32BE(CANCEL_BYTES, 0);
  bytes.writeInt32BE(CANCEL_CODE, 4);
  bytes.writeInt32BE(processID ?? 0, 8);
  bytes.writeInt32BE(secretKey ?? 0, 12);
  return bytes;
}

/** The same way to the server as the client's own: the key that stops its queries is as secret as they are. */
async function secured({ ssl, sslNegotiation, host = "" }: Backend, socket: Socket): Promise<Socket> {
  await happened(socket, "connect");
  if (ssl === undefined || ssl === false) return socket;
  const options = {
    ...(ssl === true ? {} : ssl),
    // The driver hides it from those who print its options, and from a spread.
    ...(ssl !== true && "key" in ssl ? { key: ssl.key } : {}),
    socket,
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
  };
  if (sslNegotiation === "direct") Object.assign(options, { ALPNProtocols: ["postgresql"] });
  else {
    const request = Buffer.alloc(TLS_BYTES);
    request.writeInt32BE(TLS_BYTES, 0);
    request.writeInt32BE(TLS_CODE, 4);
    socket.write(request);
    const [answer] = (await happened(socket, "data")) as [Buffer];
    if (answer[0] !== YES) throw new Error("the server does not speak TLS");
  }
  const secure = connectTls(options);
  await happened(secure, "secureConnect");
  return secure;
}

function happened(socket: Socket, event: string): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the server closed the connection")));
    socket.once(event, (...given: unknown[]) => resolve(given));
  });
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once("close", () => resolve());
  });
}
