/** A request to change the protocol: its seat is taken until the change is answered, not while the new one is spoken. */

import { STATUS_CODES } from "node:http";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { isLanewayError } from "../core/errors.ts";
import type { LanewayError } from "../core/errors.ts";
import type { Permit } from "../core/permit.ts";
import { asyncContext } from "../node/context.ts";
import type { Decision, Gate } from "./gate.ts";
import { whenLate } from "./late.ts";
import { NodeFacts } from "./node-facts.ts";
import { refusalReply } from "./refusal.ts";
import { newRequestId } from "./request-id.ts";

/** Admits an upgrade and starts its handler; answers it when it is refused. Throws what the options' functions throw. */
export function admitUpgrade<Shed>(
  gate: Gate<IncomingMessage, Shed>,
  req: IncomingMessage,
  socket: Duplex,
  start: () => void,
): void {
  if (gate.options.skip?.(req) === true) return start();
  const decision = gate.decide(new NodeFacts(req), req);
  if (socket.destroyed) return;
  const { lane, flow, rule, leftMs, timeoutMs, resource } = decision;
  const id = newRequestId();
  const task = { lane, flow, rule, id, ...(leftMs === timeoutMs ? { timeoutMs } : {}) };
  const late = (error: LanewayError): void => refuse(req, socket, decision, error, id);
  const permit = resource.tryAcquire(task);
  if (permit !== undefined) return run(decision, socket, permit, start, late);
  const cancel = new AbortController();
  const handOver = watchWaiting(socket, () => cancel.abort(new Error("the client left")));
  resource.acquire({ ...task, signal: cancel.signal }).then(
    (granted) => {
      handOver();
      if (socket.destroyed) return granted.release({ failed: true });
      run(decision, socket, granted, start, late);
    },
    (error: unknown) => {
      handOver();
      if (!socket.destroyed && isLanewayError(error)) late(error);
    },
  );
}

/** What a client sends before it has its answer is kept for the handler up to this; then it waits in the connection. */
const EARLY_BYTES_MAX = 65_536;

/**
 * Notices that the client leaves while it waits. Nobody reads the socket then, and a socket that nobody reads says
 * nothing of its end: it is read here, and what comes is put back when it is handed over by the returned function.
 */
function watchWaiting(socket: Duplex, left: () => void): () => void {
  const early: Buffer[] = [];
  let bytes = 0;
  const take = (chunk: Buffer): void => {
    early.push(chunk);
    bytes += chunk.length;
    if (bytes >= EARLY_BYTES_MAX) socket.pause();
  };
  // Node takes its own listeners off a socket that it hands over: without one, a reset would end the process.
  const reset = (): void => {};
  const over = (): void => {
    left();
    socket.destroy();
  };
  socket.on("data", take).once("end", over).once("close", left).on("error", reset);
  return () => {
    socket.off("data", take).off("end", over).off("close", left).off("error", reset);
    socket.pause();
    // As Node itself hands it over: the handler's first listener starts it.
    (socket as { readableFlowing: boolean | null }).readableFlowing = null;
    if (!socket.destroyed && bytes > 0) socket.unshift(Buffer.concat(early));
  };
}

function run(
  { lane, flow, rule, timeoutMs, enforced }: Decision,
  socket: Duplex,
  permit: Permit,
  start: () => void,
  late: (error: LanewayError) => void,
): void {
  const write = socket.write.bind(socket);
  let over = false;
  const done = (failed: boolean): void => {
    if (over) return;
    over = true;
    socket.off("close", closed);
    socket.write = write;
    permit.release({ failed });
  };
  const closed = (): void => done(true);
  socket.once("close", closed);
  socket.write = (...args: unknown[]): boolean => {
    done(false);
    return Reflect.apply(write, undefined, args) as boolean;
  };
  whenLate(permit, (error) => {
    if (!over && isLanewayError(error)) late(error);
  });
  const deadline = enforced ? performance.now() + timeoutMs : Infinity;
  const outer = asyncContext.get();
  asyncContext.run({ lane, flow, rule, deadline, holder: { task: permit, outer: outer?.holder } }, start);
}

/** There is no response object on an upgrade: the refusal is written as it goes over the wire. */
function refuse(
  req: IncomingMessage,
  socket: Duplex,
  { resource }: Decision,
  error: LanewayError,
  requestId: string,
): void {
  const { accept } = req.headers;
  const { status, headers, body } = refusalReply(error, { resource, requestId, accept, tellsLane: true });
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`, "connection: close"];
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}
