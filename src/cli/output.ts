/** Where the words of a command go: data to stdout, talk to stderr, colour only where somebody sees it. */

import { styleText } from "node:util";

type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Writes one line of data. */
export function data(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Writes one line of talk. */
export function talk(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** `text` in a style, when the stream is a terminal and neither NO_COLOR nor TERM=dumb asks for plain text. */
export function paint(stream: NodeJS.WriteStream, style: Style, text: string): string {
  return process.env["TERM"] === "dumb" ? text : styleText(style, text, { stream, validateStream: true });
}

/** How wide a table may be: what the terminal shows, else 80 columns. */
const WIDTH = 80;

/**
 * Columns under each other, the first one left, the others right aligned. A table wider than 80 columns continues below
 * with its first column repeated.
 */
export function table(rows: readonly (readonly string[])[]): string[] {
  const columns = rows[0]?.length ?? 0;
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]!.length)),
  );
  const lines: string[] = [];
  for (let from = 1; from < columns || from === 1;) {
    let to = from;
    for (let used = widths[0]!; to < columns && (to === from || used + 2 + widths[to]! <= WIDTH); to++)
      used += 2 + widths[to]!;
    if (lines.length > 0) lines.push("");
    for (const row of rows) {
      const cells = row.slice(from, to).map((cell, index) => cell.padStart(widths[from + index]!));
      lines.push([row[0]!.padEnd(widths[0]!), ...cells].join("  ").trimEnd());
    }
    from = Math.max(to, from + 1);
  }
  return lines;
}

/** Why a file cannot be read, in words. */
export function unreadable(file: string, error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: "there is no such file",
    ENOTDIR: "there is no such file",
    EISDIR: "it is a folder",
    EACCES: "this user may not read it",
    EPERM: "this user may not read it",
  };
  return `cannot read ${file}: ${reasons[code] ?? (error instanceof Error ? error.message : String(error))}`;
}
