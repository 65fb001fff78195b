/**
 * Changes to a YAML text that leave all else as it stands, byte by byte: comments, order, quotes, line ends. The change is
 * given as data before and after; what differs is spliced in at its place.
 */

import { isAlias, isMap, isScalar, isSeq } from "yaml";
import type { Node, Pair, YAMLMap, YAMLSeq } from "yaml";
import { isDeepStrictEqual } from "node:util";
import { yamlLines, yamlScalar } from "./text.ts";
import type { Plain, YamlStyle } from "./text.ts";

/** Where a text has `from` to `to`, it gets `text`. */
export interface Splice {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** A place that cannot be changed without changing others too. */
export class EditError extends Error {
  override readonly name = "EditError";
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

/** The text, and how it is written. */
interface Page {
  readonly text: string;
  readonly lineEnd: string;
  readonly json: boolean;
  readonly style: YamlStyle;
}

type Fields = { readonly [key: string]: Plain };

/** Fields that read better at the top of their map. */
const FIRST: ReadonlySet<string> = new Set(["priorityClassName"]);

/** What turns the text of `root` from `before` into `after`. Nothing is ever taken away. */
export function splicesFor(text: string, root: Node, before: Plain, after: Plain): Splice[] {
  const page: Page = {
    text,
    lineEnd: /\r?\n/.exec(text)?.[0] ?? "\n",
    json: isMap(root) && /^\{\s*"/.test(text.slice(startOf(root))),
    style: { listIndent: listIndentOf(text, root) },
  };
  return change(page, root, before, after);
}

/** The text with all splices in it. */
export function spliced(text: string, splices: readonly Splice[]): string {
  let result = text;
  // From the end, so that the places of the others stay true; of two at one place the first stays first.
  const ordered = splices.map((splice, order) => ({ ...splice, order }));
  ordered.sort((one, other) => other.from - one.from || other.order - one.order);
  for (const { from, to, text: inserted } of ordered)
    result = result.slice(0, from) + inserted + result.slice(to);
  return result;
}

function change(page: Page, node: Node, before: Plain, after: Plain): Splice[] {
  if (isDeepStrictEqual(before, after)) return [];
  const offset = startOf(node);
  if (isAlias(node))
    throw new EditError(offset, `*${node.source} stands in several places; write it out in this one`);
  if (isMap(node) && isFields(before) && isFields(after)) return changeMap(page, node, before, after);
  if (isSeq(node) && isList(before) && isList(after)) return changeList(page, node, before, after);
  if (isScalar(node) && !isComposed(after))
    return [{ from: offset, to: node.range![1], text: flowText(page, after) }];
  throw new EditError(offset, "cannot be changed in place; write it as a map or a list");
}

function changeMap(page: Page, node: YAMLMap, before: Fields, after: Fields): Splice[] {
  const added: Record<string, Plain> = {};
  const splices: Splice[] = [];
  for (const [key, value] of Object.entries(after)) {
    if (!Object.hasOwn(before, key)) added[key] = value;
    else if (!isDeepStrictEqual(before[key], value)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
      if (pair === undefined)
        throw new EditError(
          startOf(node),
          `"${key}" comes here by <<, from elsewhere; write it out in this map`,
        );
      splices.push(...changeField(page, node, pair as Pair<Node, Node | null>, before[key]!, value));
    }
  }
  return [...splices, ...addFields(page, node, added)];
}

/** A field without anything in it, `labels:` or `resources: {}`, has no place of its own to insert at. */
function changeField(
  page: Page,
  parent: YAMLMap,
  { key, value }: Pair<Node, Node | null>,
  before: Plain,
  after: Plain,
): Splice[] {
  const isEmpty =
    value === null ||
    (isScalar(value) && value.value === null) ||
    (isComposed(before) && Object.keys(before).length === 0);
  if (
    !isEmpty ||
    (value !== null && isAlias(value)) ||
    isDeepStrictEqual(before, after) ||
    !isComposed(after)
  )
    return value === null
      ? [{ from: colonAfter(page, key), to: colonAfter(page, key), text: ` ${flowText(page, after)}` }]
      : change(page, value, before, after);
  const colon = colonAfter(page, key);
  const written = value === null || value.range![0] === value.range![1] ? undefined : value.range!;
  if (parent.flow === true) {
    const [from, to] = written ?? [colon, colon];
    return [{ from, to, text: `${written === undefined ? " " : ""}${flowText(page, after)}` }];
  }
  const indent = columnOf(page, startOf(key));
  const lines = yamlLines(after, indent + (isList(after) ? page.style.listIndent : 2), page.style);
  const end = written?.[1] ?? colon;
  return [
    // What stands for emptiness goes, a comment behind it stays.
    ...(written === undefined ? [] : [{ from: colon, to: written[1], text: "" }]),
    {
      from: lineEndAfter(page, end),
      to: lineEndAfter(page, end),
      text: page.lineEnd + lines.join(page.lineEnd),
    },
  ];
}

function addFields(page: Page, node: YAMLMap, added: Record<string, Plain>): Splice[] {
  const names = Object.keys(added);
  if (names.length === 0) return [];
  if (node.flow === true || node.items.length === 0)
    return addToFlow(
      page,
      node,
      names.map((name) => `${flowText(page, name)}: ${flowText(page, added[name]!)}`),
    );
  const firstKey = startOf(node.items[0]!.key as Node);
  const indent = columnOf(page, firstKey);
  const pick = (first: boolean): Fields =>
    Object.fromEntries(names.filter((name) => FIRST.has(name) === first).map((name) => [name, added[name]!]));
  const [top, rest] = [pick(true), pick(false)];
  const splices: Splice[] = [];
  if (Object.keys(top).length > 0)
    splices.push(aboveFirst(page, firstKey, yamlLines(top, indent, page.style)));
  if (Object.keys(rest).length > 0)
    splices.push(insertAfter(page, contentEnd(page, node), yamlLines(rest, indent, page.style)));
  return splices;
}

/** Above the first field and the comments on it: at the end of the line before. */
function aboveFirst(page: Page, firstKey: number, lines: readonly string[]): Splice {
  let line = lineStart(page, firstKey);
  while (line > 0 && /^\s*#/.test(lineAt(page, lineStart(page, line - 1)))) line = lineStart(page, line - 1);
  const before = page.text.slice(line, firstKey);
  // In `- name: a` and `spec: &anchor` the first field shares its line.
  if (line === lineStart(page, firstKey) && before.trim() !== "")
    return {
      from: firstKey,
      to: firstKey,
      text: `${lines.map((each) => each.trimStart()).join(page.lineEnd)}${page.lineEnd}${" ".repeat(columnOf(page, firstKey))}`,
    };
  return { from: line, to: line, text: lines.map((each) => each + page.lineEnd).join("") };
}

function changeList(page: Page, node: YAMLSeq, before: readonly Plain[], after: readonly Plain[]): Splice[] {
  const splices = before.flatMap((item, index) =>
    change(page, node.items[index] as Node, item, after[index]!),
  );
  const added = after.slice(before.length);
  if (added.length === 0) return splices;
  if (node.flow === true || node.items.length === 0)
    return [
      ...splices,
      ...addToFlow(
        page,
        node,
        added.map((each) => flowText(page, each)),
      ),
    ];
  const indent = columnOf(page, startOf(node));
  return [...splices, insertAfter(page, contentEnd(page, node), yamlLines(added, indent, page.style))];
}

/** Into `{ }` or `[ ]`: on the same line, or each on a line of its own where the others stand so. */
function addToFlow(page: Page, node: YAMLMap | YAMLSeq, entries: readonly string[]): Splice[] {
  const last = node.items.at(-1);
  if (last === undefined) {
    const at = startOf(node) + 1;
    return [{ from: at, to: at, text: entries.join(", ") }];
  }
  const end = flowEnd(last as Node | Pair<Node, Node | null>);
  const start = startOf(isNode(last) ? last : ((last as Pair).key as Node));
  const line = lineStart(page, start);
  const apart = page.text.slice(startOf(node), start).includes("\n");
  const gap = apart ? `,${page.lineEnd}${/^[ \t]*/.exec(page.text.slice(line))![0]}` : ", ";
  return [{ from: end, to: end, text: entries.map((entry) => gap + entry).join("") }];
}

function flowEnd(last: Node | Pair<Node, Node | null>): number {
  if (isNode(last)) return last.range![1];
  return (last.value ?? last.key).range![1];
}

/** As the file is written: in a file of JSON all is quoted. */
function flowText(page: Page, value: Plain): string {
  const scalar = (each: Plain): string => (page.json ? JSON.stringify(each) : yamlScalar(each));
  if (isList(value)) return `[${value.map((each) => flowText(page, each)).join(", ")}]`;
  if (!isFields(value)) return scalar(value);
  const fields = Object.entries(value).map(([key, field]) => `${scalar(key)}: ${flowText(page, field)}`);
  return `{ ${fields.join(", ")} }`;
}

/** Where the last character of a block stands, comments behind it not counted. */
function contentEnd(page: Page, node: Node): number {
  if ((isMap(node) || isSeq(node)) && node.flow !== true && node.items.length > 0) {
    const last = node.items.at(-1)!;
    if (isNode(last)) return contentEnd(page, last);
    const { key, value } = last as Pair<Node, Node | null>;
    return value === null || (isScalar(value) && value.range![0] === value.range![1])
      ? colonAfter(page, key)
      : contentEnd(page, value);
  }
  return node.range![1];
}

function insertAfter(page: Page, end: number, lines: readonly string[]): Splice {
  const text = lines.join(page.lineEnd);
  // The text of a block scalar ends with its line end.
  if (page.text[end - 1] === "\n") return { from: end, to: end, text: text + page.lineEnd };
  const at = lineEndAfter(page, end);
  return { from: at, to: at, text: page.lineEnd + text };
}

function colonAfter({ text }: Page, key: Node): number {
  return text.indexOf(":", key.range![1]) + 1;
}

/** Where the line that holds `offset` ends, before its line end. */
function lineEndAfter({ text }: Page, offset: number): number {
  const end = text.indexOf("\n", offset);
  if (end < 0) return text.length;
  return text[end - 1] === "\r" ? end - 1 : end;
}

function lineStart({ text }: Page, offset: number): number {
  return offset <= 0 ? 0 : text.lastIndexOf("\n", offset - 1) + 1;
}

function lineAt(page: Page, start: number): string {
  return page.text.slice(start, lineEndAfter(page, start));
}

function columnOf(page: Page, offset: number): number {
  return offset - lineStart(page, offset);
}

/** With an anchor or a tag before it a node begins later than it seems. */
function startOf(node: Node): number {
  return node.range![0];
}

/** How the first list under a field is indented. */
function listIndentOf(text: string, root: Node): 0 | 2 {
  const page = { text };
  let found: 0 | 2 | undefined;
  const look = (node: unknown): void => {
    if (found !== undefined) return;
    if (isSeq(node)) for (const item of node.items) look(item);
    if (!isMap(node)) return;
    for (const { key, value } of node.items) {
      if (found !== undefined || !isScalar(key)) return;
      if (isSeq(value) && value.flow !== true && value.items.length > 0) {
        const column = (offset: number): number => offset - lineStart(page as Page, offset);
        found = column(startOf(value)) > column(startOf(key)) ? 2 : 0;
      } else look(value);
    }
  };
  look(root);
  return found ?? 2;
}

function isNode(value: unknown): value is Node {
  return isScalar(value) || isMap(value) || isSeq(value) || isAlias(value);
}

function isComposed(value: Plain): value is Fields | readonly Plain[] {
  return typeof value === "object" && value !== null;
}

function isList(value: Plain): value is readonly Plain[] {
  return Array.isArray(value);
}

function isFields(value: Plain): value is Fields {
  return isComposed(value) && !isList(value);
}
