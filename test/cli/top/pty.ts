import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));
/** The program that gives a command a terminal, and what installs it. */
export const SCRIPT: readonly [program: string, install: string] = ["script", "apt-get install bsdutils"];

const FRAME_END = "\u001B[?2026l";
const HOME = "\u001B[H";
/** A wait that takes so long has hung. */
const HANGS_MS = 60_000;

/** A command in a terminal of its own: what it shows, and keys for it. */
export class Pty {
  readonly #child: ChildProcess;
  #waiting: { until: () => boolean; done: () => void }[] = [];
  /** All that it wrote. */
  raw = "";

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.raw += text;
      this.#look();
    });
    child.on("close", () => this.#look());
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Undefined while it runs. */
  get code(): number | null | undefined {
    return this.#child.exitCode ?? undefined;
  }

  /** The lines of the last whole frame. */
  get screen(): string[] {
    const end = this.raw.lastIndexOf(FRAME_END);
    const start = this.raw.lastIndexOf(HOME, end);
    return stripVTControlCharacters(this.raw.slice(start, end)).split(/\r*\n/);
  }

  press(keys: string): void {
    this.#child.stdin!.write(keys);
  }

  /** The screen, once it has a line like this. */
  async shows(line: RegExp): Promise<string[]> {
    await this.#until(() => this.screen.some((one) => line.test(one)), String(line));
    return this.screen;
  }

  /** Once it has written something like this, on a screen or not. */
  async writes(text: RegExp): Promise<void> {
    await this.#until(() => text.test(this.raw), String(text));
  }

  /** The exit code. */
  async ended(): Promise<number | null> {
    if (this.#child.exitCode === null)
      await once(this.#child, "close", { signal: AbortSignal.timeout(HANGS_MS) });
    return this.#child.exitCode;
  }

  #look(): void {
    const still = this.#waiting.filter(({ until }) => !until());
    const done = this.#waiting.filter((one) => !still.includes(one));
    this.#waiting = still;
    for (const one of done) one.done();
  }

  async #until(until: () => boolean, what: string): Promise<void> {
    if (until()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ until, done: resolve });
    const hangs = (): void =>
      reject(
        new Error(`${what} never came; the screen:\n${this.screen.join("\n")}\n${this.raw.slice(-2_000)}`),
      );
    const timeout = AbortSignal.timeout(HANGS_MS);
    timeout.addEventListener("abort", hangs);
    this.#child.once("close", hangs);
    await promise;
  }
}

/** Runs `laneway` with these arguments in a terminal of 80 by 24, ended after the test. */
export function lanewayInPty(
  t: TestContext,
  args: readonly string[],
  {
    env = {},
    before = "",
    after = "",
    columns = 80,
    rows = 24,
  }: {
    env?: Readonly<Record<string, string>>;
    before?: string;
    /** What a shell with jobs does when it is stopped or has ended. */ after?: string;
    columns?: number;
    rows?: number;
  } = {},
): Pty {
  const words = [process.execPath, MAIN, ...args]
    .map((word) => `'${word.replaceAll("'", `'\\''`)}'`)
    .join(" ");
  const how = after === "" ? `exec ${words}` : `set -m; ${words}; ${after}`;
  const line = `stty cols ${columns} rows ${rows} -echo; ${before} ${how}`;
  const child = spawn(SCRIPT[0], ["--quiet", "--return", "--command", line, "/dev/null"], {
    env: {
      ...process.env,
      TERM: "xterm",
      NODE_TEST_CONTEXT: undefined,
      FORCE_COLOR: undefined,
      NO_COLOR: undefined,
      ...env,
    },
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  return new Pty(child);
}
