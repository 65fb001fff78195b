/** Who changed what: the last changes, for the page, and each as a line of the log. */

/** One attempt to change something. */
export interface AuditEntry {
  readonly at: number;
  /** The address that it came from. */
  readonly from: string;
  readonly action: string;
  /** What came of it: "done", or why not. */
  readonly result: string;
}

const KEPT = 200;
const CONTROLS = /[\x00-\x1f\x7f-\x9f\u2028\u2029]/g;

export class Audit {
  readonly #entries: AuditEntry[] = [];
  readonly #log: (line: string) => void;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  add(from: string, action: string, result: string): void {
    this.#entries.push({ at: Date.now(), from, action, result });
    if (this.#entries.length > KEPT) this.#entries.shift();
    // Who reads the log may do so in a terminal, and what came in a request must not steer that or look like a line of its own.
    this.#log(`admin: ${from}: ${action}: ${result}`.replaceAll(CONTROLS, "?"));
  }

  /** Newest first. */
  list(): AuditEntry[] {
    return this.#entries.toReversed();
  }
}
