/** Commands of the project as processes of their own, with a mark by which whatever they leave behind is found. */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Round } from "./part.ts";
import { holdsWithin } from "./process-watch.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const MARK = "LANEWAY_SOAK_MARK";
const GONE_WITHIN_MS = 10_000;
/** Compiled code, kept on purpose for the next start. */
const CACHE = /^laneway-cache-/;
/** What a process says of its own mistakes. */
const BUG = /\n {4}at |Warning: |Unhandled|failed inside the gateway/;

/** A folder of its own, which is also where its commands keep what is temporary. */
export class Site {
  readonly folder: string = mkdtempSync(join(tmpdir(), "laneway-soak-"));
  readonly #mark: string = this.folder;
  readonly #round: Round;
  readonly #goneWithinMs: number;

  constructor(round: Round, goneWithinMs: number = GONE_WITHIN_MS) {
    this.#round = round;
    this.#goneWithinMs = goneWithinMs;
  }

  /** Starts `laneway …` here. */
  start(...args: readonly string[]): Command {
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: this.folder,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", TMPDIR: this.folder, [MARK]: this.#mark },
    });
    return new Command(child);
  }

  /** Nothing of its commands is left: no process, and no file but those that were put there. */
  async close(files: readonly string[]): Promise<void> {
    const isGone = await holdsWithin(this.#goneWithinMs, () => this.#processes().length === 0);
    if (!isGone) {
      this.#round.fault(`processes are left: ${this.#processes().join(", ")}`);
      // One that is killed may just have started another.
      await holdsWithin(this.#goneWithinMs, () => {
        for (const pid of this.#processes()) kill(Number(pid));
        return this.#processes().length === 0;
      });
    }
    const left = readdirSync(this.folder).filter((name) => !files.includes(name) && !CACHE.test(name));
    this.#round.expect(left.length === 0, `files are left: ${left.join(", ")}`);
    rmSync(this.folder, { recursive: true });
  }

  /** Those that carry the mark; a process that has ended and not been waited for has no environment. */
  #processes(): string[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        try {
          return readFileSync(`/proc/${pid}/environ`, "latin1").includes(`${MARK}=${this.#mark}\0`);
        } catch {
          return false;
        }
      });
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has just ended.
  }
}

/** One command and what it has said. */
export class Command {
  readonly child: ChildProcess;
  said = "";
  /** The exit code, or 128 and the signal's place with what ended it in words. */
  readonly ended: Promise<string>;

  constructor(child: ChildProcess) {
    this.child = child;
    for (const stream of [child.stdout!, child.stderr!])
      stream.on("data", (chunk: Buffer) => {
        this.said += String(chunk);
      });
    this.ended = once(child, "close").then(([code, signal]) => String(code ?? signal));
  }

  /** What `pattern` found in its words, as soon as it has said it; undefined when it ended without. */
  async says(pattern: RegExp): Promise<RegExpExecArray | undefined> {
    let isOver = false;
    void this.ended.then(() => (isOver = true));
    for (;;) {
      const found = pattern.exec(this.said);
      if (found !== null || isOver) return found ?? undefined;
      await Promise.race([once(this.child.stderr!, "data"), this.ended]);
    }
  }

  /** It has said nothing that only a bug says. */
  judge(round: Round): void {
    round.expect(!BUG.test(this.said), `it says: ${this.said}`);
  }
}
