import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess, ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import type { TestContext } from "node:test";
import { needsHost, needsProgram } from "../../needs.ts";

/** Whether this machine can make network namespaces and read what goes over their wires; else the test is skipped. */
export function needsNetwork(t: TestContext): boolean {
  return (
    needsHost(t, process.getuid?.() === 0, "network namespaces take root: run the tests as root") &&
    needsProgram(t, "ip", "apt-get install iproute2") &&
    needsProgram(t, "nft", "apt-get install nftables") &&
    needsProgram(t, "tcpdump", "apt-get install tcpdump")
  );
}

/** Runs a program to its end, and gives what it said. */
export function ran(command: string, args: readonly string[], input = ""): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", input });
  assert.equal(status, 0, `${command} ${args.join(" ")}: ${error?.message ?? stderr}`);
  return stdout;
}

let made = 0;

/** A network of its own, with nothing but loopback and, if asked, a card that leads nowhere; gone after the test. */
export class Namespace {
  readonly name: string = `laneway-${process.pid}-${++made}`;

  constructor(t: Pick<TestContext, "after">, card?: string) {
    ran("ip", ["netns", "add", this.name]);
    t.after(() => spawnSync("ip", ["netns", "del", this.name]));
    ran("ip", ["-n", this.name, "link", "set", "lo", "up"]);
    if (card === undefined) return;
    ran("ip", ["-n", this.name, "link", "add", card, "type", "veth", "peer", "name", "far"]);
    ran("ip", ["-n", this.name, "addr", "add", "10.9.0.1/24", "dev", card]);
    for (const end of [card, "far"]) ran("ip", ["-n", this.name, "link", "set", end, "up"]);
  }

  /** The arguments of `ip` that run a program in here. */
  inside(...command: string[]): string[] {
    return ["netns", "exec", this.name, ...command];
  }

  run(...command: string[]): string {
    return ran("ip", this.inside(...command));
  }

  /** Root's shell in here reads a script. */
  shell(script: string): { readonly status: number | null; readonly err: string; readonly out: string } {
    const { status, stderr, stdout } = spawnSync("ip", this.inside("sh"), {
      encoding: "utf8",
      input: script,
    });
    return { status, err: stderr, out: stdout };
  }

  start(...command: string[]): ChildProcessByStdio<null, Readable, Readable> {
    return spawn("ip", this.inside(...command), { stdio: ["ignore", "pipe", "pipe"] });
  }
}

/** A packet with something in it, or one that opens a connection. */
export interface Packet {
  readonly fromPort: number;
  readonly toPort: number;
  readonly opens: boolean;
  /** The byte of its header. */
  readonly tos: number;
}

/** The port that a program connects to when all is said. */
const LAST_PORT = 9;

/** What goes over a namespace's loopback while a program runs; the program must connect to port 9 in the end. */
export async function recorded(
  space: Namespace,
  ...command: string[]
): Promise<{ readonly packets: Packet[]; readonly out: string }> {
  // Heads only, and room for many: on a busy machine the kernel would drop what tcpdump is too slow for.
  const how = ["-i", "lo", "-n", "-v", "-l", "-t", "--immediate-mode", "-s", "256", "-B", "16384"];
  const dump = space.start("tcpdump", ...how, "tcp");
  let wire = "";
  let talk = "";
  try {
    dump.stdout.setEncoding("utf8").on("data", (text: string) => (wire += text));
    dump.stderr.setEncoding("utf8").on("data", (text: string) => (talk += text));
    while (!talk.includes("listening on")) await once(dump.stderr, "data");
    const program = space.start(...command);
    let out = "";
    let err = "";
    program.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    program.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
    const [code] = (await once(program, "close")) as [number];
    assert.equal(code, 0, err);
    while (!new RegExp(`[.]${LAST_PORT}: Flags \\[S\\]`).test(wire)) await once(dump.stdout, "data");
    await stopped(dump);
    assert.match(talk, /^0 packets dropped by kernel/m);
    return { packets: packetsOf(wire), out };
  } finally {
    await stopped(dump);
  }
}

async function stopped(dump: ChildProcess): Promise<void> {
  if (dump.exitCode !== null) return;
  const ended = once(dump, "close");
  dump.kill("SIGINT");
  await ended;
}

/** tcpdump says the header on one line and the rest, of IPv4, on the next. */
function packetsOf(wire: string): Packet[] {
  const packet = /^IP6? \((?:tos|class) (0x[0-9a-f]+),|^IP6 \((?=flowlabel|hlim)/;
  const packets: Packet[] = [];
  for (const text of wire.replaceAll(/\n\s+/g, " ").split("\n")) {
    const header = packet.exec(text);
    const rest = /[.](\d+) > [^ ]+[.](\d+): Flags \[([^\]]+)\].* length (\d+)/.exec(text);
    if (header === null || rest === null) continue;
    const [, from, to, flags, length] = rest;
    if (length === "0" && flags !== "S") continue;
    packets.push({
      fromPort: Number(from),
      toPort: Number(to),
      opens: flags === "S",
      // What has no mark is not mentioned for IPv6.
      tos: Number(header[1] ?? 0),
    });
  }
  return packets;
}

/** The marks in the order of the wire, each once as long as it stays. */
export function runs(packets: readonly Packet[]): number[] {
  return packets.map(({ tos }) => tos).filter((tos, index, all) => index === 0 || tos !== all[index - 1]);
}
