#!/usr/bin/env node
/**
 * The `laneway` command. This file imports nothing but Node's own modules, and nothing new in them, so that a Node that
 * is too old gets one clear line instead of a syntax error from further in.
 */

import { existsSync, lstatSync, mkdirSync, readFileSync } from "node:fs";
import module from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const NEEDED = [22, 19] as const;

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
  process.stderr.write(
    `laneway needs Node ${NEEDED.join(".")} or newer and found ${process.versions.node}\n`,
  );
  process.exitCode = 1;
} else {
  // Half of the start-up time of `laneway check` is compiling zod; the cache saves most of it from the second run on.
  const folder = cacheFolder();
  if (folder !== undefined) module.enableCompileCache(folder);
  process.stdout.on("error", closedPipe);
  process.stderr.on("error", closedPipe);
  process.exitCode = await main(process.argv.slice(2));
}

async function main(args: readonly string[]): Promise<number> {
  try {
    return (await commandInLane(args)) ?? (await anyCommand(args));
  } catch (error) {
    // What commands foresee they say themselves; this is for the rest.
    const expected = error instanceof Error && "code" in error;
    process.stderr.write(
      `laneway: ${expected ? (error as Error).message : error instanceof Error ? error.stack : String(error)}\n`,
    );
    return 1;
  }
}

/** `laneway run` stands in front of another command, which waits for it: it loads nothing that it does not need. */
async function commandInLane([name, ...args]: readonly string[]): Promise<number | undefined> {
  if (name !== "run") return undefined;
  const found = (await import("./run/words.ts")).runWords(args);
  return found && (await (await import("./run.ts")).runCommand(found.words, found.options));
}

async function anyCommand(args: readonly string[]): Promise<number> {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return await (await import("./program.ts")).runProgram(args, version);
}

/**
 * Where compiled code is kept. Node's own choice is a folder for all users under /tmp, which the first of them owns, and
 * what it finds there it runs: so the folder must be this user's alone, or a job of root's would run what another user put
 * there. Undefined, and no cache, where there is no such folder and none can be made.
 */
function cacheFolder(): string | undefined {
  const user = process.getuid?.();
  const folder = join(tmpdir(), user === undefined ? "laneway-cache" : `laneway-cache-${user}`);
  try {
    // Not with `recursive`: with a TMPDIR below /proc that never returns.
    if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
    const { uid, mode } = lstatSync(folder);
    const isSafe = user === undefined || (uid === user && (mode & 0o077) === 0);
    return isSafe ? folder : undefined;
  } catch {
    return undefined;
  }
}

/** `laneway check | head` closes our output early: that is no error. */
function closedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  process.exit();
}
