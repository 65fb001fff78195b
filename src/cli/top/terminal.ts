/** A terminal that is drawn whole, on its other screen, and is found as it was afterwards: however this ends. */

import { emitKeypressEvents } from "node:readline";
import type { ReadStream, WriteStream } from "node:tty";
import type { Key } from "./keys.ts";

const ENTER = "\u001B[?1049h\u001B[?25l\u001B[2J";
const LEAVE = "\u001B[?25h\u001B[?1049l";
const HOME = "\u001B[H";
const CLEAR_LINE = "\u001B[2K";
/** Terminals that know it show the frame at once; the others pass it over. */
const FRAME = ["\u001B[?2026h", "\u001B[?2026l"] as const;
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
const STOPS_WITHIN_MS = 100;

/** What the screen is told. */
export interface Heard {
  key(key: Key): void;
  /** The size has changed, or the terminal is ours again. */
  resized(): void;
  /** A signal asks for the end; the number is the exit code that says so. */
  ended(exitCode: number): void;
}

export class Screen {
  readonly #in: ReadStream;
  readonly #out: WriteStream;
  readonly #undo: (() => void)[] = [];
  #open = false;
  #heard: Heard | undefined = undefined;

  constructor(input: ReadStream, output: WriteStream) {
    this.#in = input;
    this.#out = output;
  }

  get columns(): number {
    return this.#out.columns || 80;
  }

  get rows(): number {
    return this.#out.rows || 24;
  }

  open(heard: Heard): void {
    this.#heard = heard;
    emitKeypressEvents(this.#in);
    // The second argument: what the key means.
    this.#on(this.#in, "keypress", (_text: unknown, key: Key) => heard.key(key));
    this.#on(this.#in, "end", () => heard.ended(SIGNALS.SIGHUP));
    this.#on(this.#out, "resize", () => heard.resized());
    this.#on(process, "SIGCONT", () => this.#again());
    for (const [signal, code] of Object.entries(SIGNALS)) this.#on(process, signal, () => heard.ended(code));
    // Whatever ends the process, an error that nobody caught too: writing to a terminal is synchronous.
    this.#on(process, "exit", () => this.#leave());
    this.#take();
    this.#in.resume();
  }

  /** As many lines as there are rows. */
  draw(lines: readonly string[]): void {
    if (!this.#open) return;
    // Cleared before it is written: after a line that fills the row the cursor still stands on its last character.
    const text = lines.map((line) => `${CLEAR_LINE}${line}`).join("\r\n");
    this.#out.write(`${FRAME[0]}${HOME}${text}${FRAME[1]}`);
  }

  /** Gives the terminal back and stops this process until it is continued, as Ctrl-Z does. */
  suspend(): void {
    this.#leave();
    process.kill(process.pid, "SIGTSTP");
    // Who leads its session, in a container say, has no shell to go back to, and is not stopped.
    setTimeout(() => this.#again(), STOPS_WITHIN_MS).unref();
  }

  close(): void {
    this.#heard = undefined;
    this.#leave();
    for (const undo of this.#undo.splice(0)) undo();
    this.#in.pause();
  }

  /** The shell has used the terminal meanwhile. */
  #again(): void {
    if (this.#heard === undefined || this.#open) return;
    this.#take();
    this.#heard.resized();
  }

  #take(): void {
    this.#open = true;
    this.#in.setRawMode(true);
    this.#out.write(ENTER);
  }

  #leave(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#out.write(LEAVE);
    this.#in.setRawMode(false);
  }

  #on(emitter: NodeJS.EventEmitter, event: string, listener: (...args: never[]) => void): void {
    emitter.on(event, listener as (...args: unknown[]) => void);
    this.#undo.push(() => void emitter.off(event, listener as (...args: unknown[]) => void));
  }
}
