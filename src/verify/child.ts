/**
 * Children of a run: modules of this project in processes of their own, spoken to by messages. A child never outlives
 * its parent, however the parent ends: it exits when the channel closes.
 */

import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";

/** A child as its parent sees it. */
export interface Child<Down, Up> {
  readonly name: string;
  send(message: Down): void;
  /** Settles with the first message for which `match` gives something; rejects when the child ends before. */
  next<T>(match: (message: Up) => T | undefined): Promise<T>;
  onMessage(listener: (message: Up) => void): void;
  /** Rejects when the child ends without having been told to; otherwise never settles. */
  readonly failed: Promise<never>;
  /** Ends the child and waits for its end. */
  stop(): Promise<void>;
}

/** How long a child that was told to end may take before it is killed. */
const STOP_MS = 2_000;
const STDERR_KEPT = 2_000;

/**
 * Starts a module as a child. `name` is for messages; `module` is given without its extension, which is `.ts` when the
 * parent itself runs from source and `.js` when it was built.
 */
export function startChild<Down, Up>(name: string, module: string, parentUrl: string): Child<Down, Up> {
  const extension = parentUrl.endsWith(".ts") ? ".ts" : ".js";
  const child = fork(new URL(module + extension, parentUrl), {
    execArgv: [],
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let stopping = false;
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-STDERR_KEPT);
  });
  // "exit", for Node emits no "close" once the parent itself has closed the channel.
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const failed = new Promise<never>((_resolve, reject) => {
    child.once("error", (error) => reject(new Error(`${name} could not be started: ${error.message}`)));
    child.once("close", (code, signal) => {
      if (stopping) return;
      const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
      reject(new Error(`${name} ${how}${stderr === "" ? "" : `:\n${stderr.trimEnd()}`}`));
    });
  });
  // Whoever waits for a message gets the rejection; nobody waiting must not crash the parent.
  failed.catch(() => undefined);

  const listeners = new Set<(message: Up) => void>();
  child.on("message", (message) => listeners.forEach((listener) => listener(message as Up)));
  return {
    name,
    failed,
    onMessage: (listener) => void listeners.add(listener),
    send: (message) => {
      if (child.connected) child.send(message as object);
    },
    next: <T>(match: (message: Up) => T | undefined) =>
      Promise.race([
        failed,
        new Promise<T>((resolve) => {
          const listener = (message: Up): void => {
            const found = match(message);
            if (found === undefined) return;
            listeners.delete(listener);
            resolve(found);
          };
          listeners.add(listener);
        }),
      ]),
    stop: async () => {
      stopping = true;
      await endChild(child, exited);
    },
  };
}

async function endChild(child: ChildProcess, exited: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await exited;
  clearTimeout(timer);
}

/**
 * The child's side: calls `listener` with each message of the parent's. The terminal sends Ctrl-C to the whole process
 * group; a child leaves the decision to its parent, and ends when the parent closes the channel or is gone.
 */
export function serveParent<Down, Up>(listener: (message: Down, send: (message: Up) => void) => void): void {
  const send = (message: Up): void => {
    if (process.connected) process.send?.(message);
  };
  process.on("SIGINT", () => undefined);
  process.on("disconnect", () => process.exit(0));
  process.on("message", (message) => listener(message as Down, send));
}
