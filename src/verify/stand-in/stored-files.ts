/** Uploaded files, kept in memory and shown as either provider shows them. */

import { StandInError } from "./dialect.ts";
import type { QuickAnswer, StandInCall } from "./dialect.ts";
import { readForm } from "./multipart.ts";
import type { Listed } from "./paging.ts";

/** One file. */
export interface StoredFile {
  readonly id: string;
  readonly filename: string;
  readonly contentType: string;
  readonly purpose: string;
  readonly createdAt: number;
  readonly content: Buffer;
}

/** What differs between the providers. */
export interface FileStyle {
  newId(): string;
  shown(file: StoredFile): Listed;
  page(files: readonly Listed[], query: URLSearchParams): object;
  deleted(id: string): object;
  fault(status: 400 | 404, message: string): StandInError;
  readonly now: () => number;
}

const BASE = "/v1/files";

/** All files of one stand-in; whoever asks sees them all. */
export class StoredFiles {
  readonly #style: FileStyle;
  readonly #files = new Map<string, StoredFile>();

  constructor(style: FileStyle) {
    this.#style = style;
  }

  /** Answers a call to a path below `/v1/files`; undefined for one that is none of its own. */
  answer(call: StandInCall): object | QuickAnswer | undefined {
    const [, id = "", action = ""] = call.path.slice(BASE.length).split("/");
    if (id === "") {
      if (call.method === "POST") return this.#style.shown(this.#upload(call));
      const all = [...this.#files.values()].reverse().map((file) => this.#style.shown(file));
      return call.method === "GET" ? this.#style.page(all, call.query) : undefined;
    }
    const file = this.get(id);
    switch (`${call.method} ${action}`) {
      case "GET ":
        return this.#style.shown(file);
      case "GET content":
        return { status: 200, headers: { "content-type": file.contentType }, body: file.content };
      case "DELETE ":
        this.#files.delete(id);
        return this.#style.deleted(id);
      default:
        return undefined;
    }
  }

  /** The file, or the provider's 404. */
  get(id: string): StoredFile {
    const file = this.#files.get(id);
    if (file === undefined) throw this.#style.fault(404, `No such File object: ${id}`);
    return file;
  }

  add(file: Omit<StoredFile, "id" | "createdAt">): StoredFile {
    const stored = { ...file, id: this.#style.newId(), createdAt: this.#style.now() };
    this.#files.set(stored.id, stored);
    return stored;
  }

  #upload(call: StandInCall): StoredFile {
    const parts = readForm(call.header("content-type"), call.body);
    const file = parts?.find(({ name }) => name === "file");
    if (file === undefined) throw this.#style.fault(400, "file: expected a file in a multipart form");
    return this.add({
      filename: file.filename ?? "file",
      contentType: file.contentType,
      purpose: parts?.find(({ name }) => name === "purpose")?.content.toString("utf8") ?? "",
      content: Buffer.from(file.content),
    });
  }
}
