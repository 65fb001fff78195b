/** Notices that a policy file has other content, whichever way it came about. */

import { hash } from "node:crypto";
import { watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** How long the content must stay the same before it counts: an editor may write in pieces, or empty the file first. */
const SETTLE_MS = 100;

/** How often the file is looked at without any sign from the system. */
const POLL_MS = 1_000;

/** What a watch tells. Calls never overlap. */
export interface FileListener {
  changed(text: string): Promise<void>;
  unreadable(error: Error): void;
}

/**
 * Watches one file until closed, without keeping the process alive.
 *
 * The folder is watched, not the file: an editor puts a new file over the old one, and a Kubernetes ConfigMap swaps a
 * symbolic link of the folder, after which a watch on the file itself hears nothing any more. The poll covers what no
 * watch sees: a link into another folder, a network file system, a folder made anew.
 */
export class FileWatch {
  readonly #file: string;
  readonly #listener: FileListener;
  readonly #poll: NodeJS.Timeout;
  #watcher: FSWatcher | undefined;
  #settle: NodeJS.Timeout | undefined;
  #known: string;
  #candidate: string | undefined;
  #seen = "";
  #unreadable: string | undefined;
  #looking = false;
  #lookAgain = false;
  #closed = false;

  /** `text` is the content that is known already. */
  constructor(file: string, text: string, listener: FileListener) {
    this.#file = resolve(file);
    this.#known = digest(text);
    this.#listener = listener;
    this.#poll = setInterval(() => void this.#glance(), POLL_MS).unref();
    try {
      this.#watcher = watch(dirname(this.#file), { persistent: false }, () => this.#soon());
      this.#watcher.on("error", () => this.#watcher?.close());
    } catch {
      // No watches left, or none on this file system: the poll remains.
    }
    // Between the reading of `text` and here the file may have changed.
    this.#soon();
  }

  close(): void {
    this.#closed = true;
    this.#watcher?.close();
    clearInterval(this.#poll);
    clearTimeout(this.#settle);
  }

  /** Not put off by further signs: in a folder where something is always written, later would be never. */
  #soon(): void {
    if (this.#closed || this.#settle !== undefined) return;
    this.#settle = setTimeout(() => {
      this.#settle = undefined;
      void this.#look();
    }, SETTLE_MS).unref();
  }

  async #glance(): Promise<void> {
    const seen = await stat(this.#file, { bigint: true }).then(
      ({ dev, ino, size, mtimeNs, ctimeNs }) => [dev, ino, size, mtimeNs, ctimeNs].join(),
      (error: unknown) => String(error),
    );
    if (seen === this.#seen) return;
    this.#seen = seen;
    this.#soon();
  }

  async #look(): Promise<void> {
    if (this.#looking) {
      this.#lookAgain = true;
      return;
    }
    this.#looking = true;
    try {
      await this.#read();
    } finally {
      this.#looking = false;
      if (this.#lookAgain) this.#soon();
      this.#lookAgain = false;
    }
  }

  async #read(): Promise<void> {
    let text: string;
    try {
      text = await readFile(this.#file, "utf8");
    } catch (error) {
      this.#report(error as Error);
      return;
    }
    this.#unreadable = undefined;
    const found = digest(text);
    if (this.#closed || found === this.#known) {
      this.#candidate = undefined;
    } else if (found !== this.#candidate) {
      this.#candidate = found;
      this.#soon();
    } else {
      this.#candidate = undefined;
      this.#known = found;
      await this.#listener.changed(text);
    }
  }

  /** A file that is missing for a moment is being replaced; one that is still missing at the next look is told, once. */
  #report(error: Error): void {
    if (this.#closed || this.#unreadable === "told") return;
    if (this.#unreadable === undefined) {
      this.#unreadable = "noticed";
      this.#soon();
      return;
    }
    this.#unreadable = "told";
    this.#listener.unreadable(error);
  }
}

function digest(text: string): string {
  return hash("sha256", text, "hex");
}
