/** What a process must not have left after a round, and must not have said: looked at from outside of what is tested. */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { collect } from "../../test/collect.ts";

/** What is open, by what it is: `{ TCPSocketWrap: 2, socket: 3 }`. */
export type Open = ReadonlyMap<string, number>;

// Turns of the loop that we make ourselves, and file reads of whatever is imported meanwhile.
const PASSING = new Set(["Immediate", "FSReqCallback", "FSReqPromise", "GetAddrInfoReqWrap"]);
// Sockets that Node unrefs are in no list of its own: an idle connection of a pool, say.
const DESCRIPTORS = /^(socket|pipe|anon_inode:\[pidfd\])/;
// One descriptor serves all watches of a loop, and stays.
const WATCHES = "anon_inode:inotify";
/** What a watch of files or folders is called in `openNow`. */
export const FOLDER_WATCH = "watch of a folder";

/** Collects what nobody handled and what was warned of, from here on. */
export class ProcessWatch {
  readonly #said: string[] = [];
  readonly #rejected = (reason: unknown): void =>
    void this.#said.push(`an unhandled rejection: ${text(reason)}`);
  readonly #thrown = (error: unknown): void => void this.#said.push(`an uncaught exception: ${text(error)}`);
  readonly #warned = (warning: Error): void => {
    // Of features of Node that this program uses, whatever it does with them.
    if (warning.name !== "ExperimentalWarning") this.#said.push(`a warning: ${text(warning)}`);
  };

  constructor() {
    // Node opens them when they are first looked at.
    void [process.stdout, process.stderr];
    process.on("unhandledRejection", this.#rejected);
    process.on("uncaughtException", this.#thrown);
    process.on("warning", this.#warned);
  }

  /** What was said since the last call. */
  said(): string[] {
    return this.#said.splice(0);
  }

  stop(): void {
    process.off("unhandledRejection", this.#rejected);
    process.off("uncaughtException", this.#thrown);
    process.off("warning", this.#warned);
  }
}

/** What holds the process, and what sockets it has. */
export function openNow(): Open {
  const open = new Map<string, number>();
  const add = (what: string): void => void open.set(what, (open.get(what) ?? 0) + 1);
  for (const what of process.getActiveResourcesInfo()) if (!PASSING.has(what)) add(what);
  for (const what of descriptors()) add(what);
  return open;
}

function descriptors(): string[] {
  try {
    return readdirSync("/proc/self/fd").flatMap((fd) => {
      try {
        const what = readlinkSync(`/proc/self/fd/${fd}`);
        if (what === WATCHES) return watchesOf(fd);
        return DESCRIPTORS.exec(what)?.[1] ?? [];
      } catch {
        return []; // The one that the folder was read with.
      }
    });
  } catch {
    return []; // Not Linux: Node's own list has to do.
  }
}

function watchesOf(fd: string): string[] {
  const lines = readFileSync(`/proc/self/fdinfo/${fd}`, "utf8").split("\n");
  return lines.filter((line) => line.startsWith("inotify")).map(() => FOLDER_WATCH);
}

/** What is open beyond what was: `2 more TCPSocketWrap`. */
export function leftOpen(before: Open, now: Open): string[] {
  return [...now].flatMap(([what, count]) => {
    const more = count - (before.get(what) ?? 0);
    return more > 0 ? [`${more} more ${what}`] : [];
  });
}

/** Resolves when `holds`, or with false when it has not for so long. */
export async function holdsWithin(ms: number, holds: () => boolean | Promise<boolean>): Promise<boolean> {
  const until = performance.now() + ms;
  for (;;) {
    if (await holds()) return true;
    if (performance.now() > until) return false;
    await pause(5);
  }
}

/** Lets real time pass: what is soaked here are real sockets and processes. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}

/** Holds the event loop, as a computation or a synchronous read would. */
export function block(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;);
}

/** Bytes of the heap in use after full collections. */
export async function heapInUse(): Promise<number> {
  // What is freed by finalizers and by weak references is free after the next one.
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().heapUsed;
}

function text(reason: unknown): string {
  return reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
}
