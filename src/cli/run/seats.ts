/**
 * Seats shared by processes that know nothing of each other. A seat is a socket with a name in the kernel, and so is a
 * place in the queue: a name is taken by one process at a time, and is free the moment that nobody holds the socket any
 * more, however its holder ended. So there is no file to go stale and no server to keep running. Who waits is connected
 * to the one directly ahead, or, when first, to all seats, and looks again when one of them closes.
 *
 * Names are those of one network namespace: containers with their own do not meet.
 */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** What is asked for. */
export interface Wanted {
  readonly resource: string;
  readonly seats: number;
  /** Of the lane, 0 being the most important. */
  readonly rank: number;
  readonly signal?: AbortSignal | undefined;
}

/** A name that this process holds, until it ends or frees it. */
export interface Seat {
  readonly name: string;
  free(): void;
}

/** Before what cannot be explained is tried again. */
const AGAIN_MS = 100;

/**
 * A seat; undefined when `signal` aborts first. `waiting` is told how many are ahead, once,
 * when it has to wait at all.
 */
export async function takeSeat(wanted: Wanted, waiting: (ahead: number) => void): Promise<Seat | undefined> {
  const { resource, seats, signal } = wanted;
  const queue = `laneway/wait/${resource}/`;
  const own = `${queue}${placeOf(wanted.rank)}`;
  const place = await bind(own);
  let told = false;
  try {
    for (;;) {
      const ahead = names(queue).filter((name) => name < own);
      const seat = ahead.length === 0 ? await anySeat(resource, seats) : undefined;
      if (seat !== undefined) return seat;
      if (!told) waiting(ahead.length);
      told = true;
      // The highest name below ours is the one directly ahead.
      const watched = ahead.length === 0 ? seatNames(resource, seats) : [ahead.toSorted().at(-1)!];
      await oneCloses(watched, signal);
      if (signal?.aborted === true) return undefined;
    }
  } finally {
    place?.free();
  }
}

/** By rank, then by time. The monotonic clock is the same for all processes. */
function placeOf(rank: number): string {
  const now = Math.floor(Number(process.hrtime.bigint() / 1_000n));
  return `${String(rank).padStart(2, "0")}/${now.toString(36).padStart(10, "0")}/${process.pid}`;
}

function seatNames(resource: string, seats: number): string[] {
  return Array.from({ length: seats }, (_, index) => `laneway/seat/${resource}/${index}`);
}

async function anySeat(resource: string, seats: number): Promise<Seat | undefined> {
  const taken = new Set(names(`laneway/seat/${resource}/`));
  for (const name of seatNames(resource, seats)) {
    const seat = taken.has(name) ? undefined : await bind(name);
    if (seat !== undefined) return seat;
  }
  return undefined;
}

/** The names that somebody holds, of all sockets of the machine. */
function names(prefix: string): string[] {
  return listeners()
    .map(({ name }) => name)
    .filter((name) => name.startsWith(prefix));
}

/** A connection bears the name of its listener and holds nothing: only a listener has the flag. */
function listeners(): { readonly name: string; readonly inode: string }[] {
  const lines = readFileSync("/proc/net/unix", "utf8").split("\n");
  return lines.flatMap((line) => {
    const [, flags, inode, name] = /^\S+ \S+ \S+ (\S+) \S+ \S+ +(\d+) @(.*)$/.exec(line) ?? [];
    return flags !== "00010000" || inode === undefined || name === undefined ? [] : [{ name, inode }];
  });
}

/** The descriptor of a seat, for a child process to hold it too. */
export function descriptorOf({ name }: Seat): number {
  const inode = listeners().find((each) => each.name === name)?.inode;
  const found = readdirSync("/proc/self/fd").find((each) => {
    try {
      return readlinkSync(`/proc/self/fd/${each}`) === `socket:[${inode}]`;
    } catch {
      return false;
    }
  });
  if (found === undefined) throw new Error(`the seat ${name} is not among the open sockets`);
  return Number(found);
}

/** Takes a name; undefined when it is taken. */
function bind(name: string): Promise<Seat | undefined> {
  return new Promise((resolve, reject) => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket));
      socket.unref();
    });
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen(`\0${name}`, () => {
      server.unref();
      const free = (): void => {
        server.close();
        // A server that closes waits for its connections, and those at the other end for it.
        for (const socket of sockets) socket.destroy();
      };
      resolve({ name, free });
    });
  });
}

/** Resolves when one of the names is free, or may be. */
async function oneCloses(watched: readonly string[], signal: AbortSignal | undefined): Promise<void> {
  const sockets: Socket[] = [];
  const looked = watched.map(
    (name) =>
      new Promise<boolean>((resolve) => {
        const socket = connect(`\0${name}`);
        sockets.push(socket);
        let unexplained = false;
        socket.on("error", (error: NodeJS.ErrnoException) => {
          unexplained = !/^(?:ECONNREFUSED|ENOENT|ECONNRESET)$/.test(error.code ?? "");
        });
        socket.on("close", () => resolve(unexplained));
        socket.resume();
      }),
  );
  const aborted = new Promise<boolean>((resolve) => {
    signal?.addEventListener("abort", () => resolve(false), { once: true });
  });
  const unexplained = await Promise.race([...looked, aborted]);
  for (const socket of sockets) socket.destroy();
  if (unexplained) await delay(AGAIN_MS);
}
