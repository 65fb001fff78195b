/** A block of lines at the end of a terminal that is drawn over and over. */

/** The part of a terminal that a live area needs; `process.stdout` has it. */
export interface Terminal {
  readonly columns?: number;
  write(text: string): unknown;
}

const HIDE_CURSOR = "\u001B[?25l";
const SHOW_CURSOR = "\u001B[?25h";
const CLEAR_TO_END = "\u001B[J";
const UP_AND_CLEAR = "\u001B[1A\u001B[2K";
const CLEAR_LINE_END = "\u001B[K";
const STYLES = /\u001B\[[0-9;]*m/y;
const RESET = "\u001B[0m";

/** Draws frames in place. Call `end` before anything else is written, also when stopping early. */
export class LiveArea {
  readonly #terminal: Terminal;
  #lines = 0;
  #hidden = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  draw(lines: readonly string[]): void {
    const columns = this.#terminal.columns ?? 80;
    const hide = this.#hidden ? "" : HIDE_CURSOR;
    this.#hidden = true;
    // One write, so that no half-drawn frame is ever seen; cut lines, for a wrapped one would break the way back up.
    const text = lines.map((line) => `${cut(line, columns - 1)}${CLEAR_LINE_END}\n`).join("");
    this.#terminal.write(`${hide}${this.#up()}${text}${CLEAR_TO_END}`);
    this.#lines = lines.length;
  }

  /** Removes the block and shows the cursor again. */
  end(): void {
    if (!this.#hidden) return;
    // Line by line: clearing all at once from the top makes some terminals keep the frame in their history.
    this.#terminal.write(`${UP_AND_CLEAR.repeat(this.#lines)}\r${SHOW_CURSOR}`);
    this.#hidden = false;
    this.#lines = 0;
  }

  #up(): string {
    return this.#lines === 0 ? "" : `\u001B[${this.#lines}A\r`;
  }
}

/** The line's first `columns` characters; styles take no room. */
function cut(line: string, columns: number): string {
  let shown = 0;
  for (let at = 0; at < line.length;) {
    STYLES.lastIndex = at;
    const style = STYLES.exec(line);
    if (style !== null) {
      at += style[0].length;
      continue;
    }
    if (shown === columns) return line.slice(0, at) + RESET;
    shown++;
    at++;
  }
  return line;
}
