/** HTML and SVG as text: what is put into a template is escaped, unless it is markup itself. */

/** Text that is markup already, and goes into other markup as it is. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What a template takes: numbers are coordinates, to two decimals; undefined is nothing. */
export type Part = Markup | string | number | undefined | readonly Part[];

/**
 * A piece of markup.
 *
 *     markup`<td title="${title}">${name}</td>`
 */
export function markup(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let text = strings[0]!;
  for (const [index, part] of parts.entries()) text += textOf(part) + strings[index + 1]!;
  return new Markup(text);
}

function textOf(part: Part): string {
  if (part === undefined) return "";
  if (typeof part === "number") return String(rounded(part, 2));
  if (typeof part === "string") return escaped(part);
  return part instanceof Markup ? part.text : part.map(textOf).join("");
}

/** A number with no more than this many decimals. */
export function rounded(value: number, decimals: number): number {
  const factor = 10 ** decimals;
  return Math.round(value * factor) / factor;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
/** What no document may hold, not even escaped: control characters other than tab and line ends. */
const FORBIDDEN = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F]/g;

/** Text as it is written between tags and inside quoted attributes. */
export function escaped(text: string): string {
  return text.replace(FORBIDDEN, "\uFFFD").replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
