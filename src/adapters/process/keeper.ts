/**
 * Removes the control groups of a command when the process that started it was killed before it could. It is a shell of a
 * megabyte, and asleep: it waits for the end of a pipe, and only then looks, once a second, whether the command has ended.
 */

import { spawn } from "node:child_process";

/** A keeper at work. */
export interface Keeper {
  /** The groups are gone. */
  done(): void;
  /** The groups are still in use: stay until they are not. */
  leave(): void;
}

const SCRIPT = `
trap '' INT TERM HUP
read -r done && exit 0
while :; do
  left=
  for group do
    [ -d "$group" ] && ! rmdir "$group" && [ -d "$group" ] && left=1
  done
  [ -z "$left" ] && break
  sleep 1
done
for group do rmdir "\${group%/*}"; done
`;

/** Keeps these groups until it is told that they are gone, or this process has ended and so have they. */
export function keepGroups(groups: readonly string[]): Keeper {
  const child = spawn("/bin/sh", ["-c", SCRIPT, "laneway-keeper", ...groups], {
    // Neither Ctrl-C nor the end of this session ends it, and no folder is held by it.
    detached: true,
    cwd: "/",
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
    stdio: ["pipe", "ignore", "ignore"],
  });
  const quiet = (): void => {
    // Without a keeper only a killed command leaves its group behind, and the next one sweeps it up.
  };
  child.on("error", quiet);
  child.stdin.on("error", quiet);
  child.unref();
  if ("unref" in child.stdin) (child.stdin as unknown as { unref(): void }).unref();
  return { done: () => child.stdin.end("done\n"), leave: () => child.stdin.destroy() };
}
