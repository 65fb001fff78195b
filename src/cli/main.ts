#!/usr/bin/env node
/**
 * The `laneway` command. This file imports nothing but Node's own modules, and nothing new in them, so that a Node that
 * is too old gets one clear line instead of a syntax error from further in.
 */

import { readFileSync } from "node:fs";
import module from "node:module";

const NEEDED = [22, 19] as const;

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
  process.stderr.write(
    `laneway needs Node ${NEEDED.join(".")} or newer and found ${process.versions.node}\n`,
  );
  process.exitCode = 1;
} else {
  // Half of the start-up time of `laneway check` is compiling zod; the cache saves most of it from the second run on.
  module.enableCompileCache();
  process.stdout.on("error", closedPipe);
  process.stderr.on("error", closedPipe);
  process.exitCode = await main();
}

async function main(): Promise<number> {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  const { runProgram } = await import("./program.ts");
  try {
    return await runProgram(process.argv.slice(2), version);
  } catch (error) {
    // What commands foresee they say themselves; this is for the rest.
    const expected = error instanceof Error && "code" in error;
    process.stderr.write(
      `laneway: ${expected ? (error as Error).message : error instanceof Error ? error.stack : String(error)}\n`,
    );
    return 1;
  }
}

/** `laneway check | head` closes our output early: that is no error. */
function closedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  process.exit();
}
