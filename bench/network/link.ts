/** A link of 10 Mbit/s between two network namespaces, full of downloads, with one queue or another. Takes root. */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { LinkSeen } from "./client.ts";

/** What the link carries. */
export const LINK_MBIT = 10;

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const MAIN = here("../../src/cli/main.ts");
const SERVER = `laneway-bench-server-${process.pid}`;
const CLIENT = `laneway-bench-client-${process.pid}`;
const ADDRESS = "10.77.0.1";

/** The queues that the link may have. */
export type Queue = "laneway network" | "one class" | "pfifo_fast";

/** Why there can be no such link here; undefined when there can. */
export function noLink(): string | undefined {
  if (process.getuid?.() !== 0) return "network namespaces take root";
  const missing = ["ip", "tc", "nft"].find(
    (program) => spawnSync("sh", ["-c", 'command -v "$0"', program]).status !== 0,
  );
  return missing === undefined ? undefined : `${missing} is not installed`;
}

/** Makes the two namespaces and the wire between them, and takes them away when `use` has ended. */
export async function withLink<Result>(use: () => Promise<Result>): Promise<Result> {
  try {
    for (const name of [SERVER, CLIENT]) run("netns", "add", name);
    run("-n", SERVER, "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", CLIENT);
    [SERVER, CLIENT].forEach((name, index) => {
      run("-n", name, "addr", "add", `10.77.0.${index + 1}/24`, "dev", "wire");
      for (const dev of ["wire", "lo"]) run("-n", name, "link", "set", dev, "up");
    });
    return await use();
  } finally {
    for (const name of [SERVER, CLIENT]) spawnSync("ip", ["netns", "del", name]);
  }
}

/** Small requests of these lanes beside the downloads, over a link with this queue, with these marks. */
export async function overLink(
  queue: Queue,
  profile: string,
  lanes: readonly string[],
  lastsMs: number,
): Promise<LinkSeen> {
  setQueue(queue);
  const server = spawn("ip", inside(SERVER, process.execPath, here("server.ts"), profile, ADDRESS), {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [port] = (await once(server.stdout, "data")) as [Buffer];
    const url = `http://${ADDRESS}:${String(port).trim()}`;
    const client = spawn(
      "ip",
      inside(CLIENT, process.execPath, here("client.ts"), url, lanes.join(","), String(lastsMs)),
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    let out = "";
    client.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    const [code] = (await once(client, "close")) as [number];
    if (code !== 0) throw new Error(`bench/network/client.ts ended with ${code}`);
    return JSON.parse(out) as LinkSeen;
  } finally {
    const ended = once(server, "close");
    server.kill();
    await ended;
  }
}

function setQueue(queue: Queue): void {
  spawnSync("ip", inside(SERVER, "tc", "qdisc", "del", "dev", "wire", "root"));
  spawnSync("ip", inside(SERVER, "nft", "flush", "ruleset"));
  if (queue === "laneway network") {
    const args = inside(
      SERVER,
      process.execPath,
      MAIN,
      "network",
      "-i",
      "wire",
      "--rate",
      `${LINK_MBIT}mbit`,
    );
    const { stdout, status, stderr } = spawnSync("ip", args, { encoding: "utf8", cwd: "/" });
    if (status !== 0) throw new Error(`laneway network: ${stderr}`);
    const loaded = spawnSync("ip", inside(SERVER, "sh"), { encoding: "utf8", input: stdout });
    if (loaded.status !== 0) throw new Error(`the script of laneway network: ${loaded.stderr}`);
    return;
  }
  const tc = (...args: string[]): void => run("netns", "exec", SERVER, "tc", ...args);
  tc("qdisc", "add", "dev", "wire", "root", "handle", "1:", "htb", "default", "1");
  tc("class", "add", "dev", "wire", "parent", "1:", "classid", "1:1", "htb", "rate", `${LINK_MBIT}mbit`);
  if (queue === "pfifo_fast") tc("qdisc", "add", "dev", "wire", "parent", "1:1", "pfifo_fast");
}

function inside(name: string, ...command: string[]): string[] {
  return ["netns", "exec", name, ...command];
}

function run(...args: string[]): void {
  const { status, stderr } = spawnSync("ip", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
}
