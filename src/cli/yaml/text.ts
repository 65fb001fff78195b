/**
 * Plain data as YAML that means the same to every reader: Kubernetes reads the older YAML 1.1, in which `no` is a truth
 * value and `1:30` a number. What could be mistaken is quoted.
 */

/** Data as JSON has it. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain };

/** How lists stand under their field: as far in as it, or two further. */
export interface YamlStyle {
  readonly listIndent: 0 | 2;
}

const PLAIN_WORD = /^[A-Za-z][A-Za-z0-9._/-]*$/;
const QUANTITY = /^\d+(?:m|[kMGT]i?)$/;

/** Words that some reader takes for something else than text. */
const RESERVED = /^(?:y|n|yes|no|on|off|true|false|null)$/i;

/**
 * One value on one line.
 *
 * @example
 * yamlScalar("no"); // => "\"no\""
 */
export function yamlScalar(value: Plain): string {
  if (typeof value !== "string") return JSON.stringify(value);
  if (RESERVED.test(value) || !(PLAIN_WORD.test(value) || QUANTITY.test(value))) return quoted(value);
  return value;
}

/** JSON leaves three line ends as they are, which YAML 1.1 reads as such. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[\u007f-\u009f\u2028\u2029\ufeff]/g,
    (found) => `\\u${found.codePointAt(0)!.toString(16).padStart(4, "0")}`,
  );
}

/** The lines of a map's fields or a list's entries, each indented by `indent`. */
export function yamlLines(value: Plain, indent: number, style: YamlStyle = { listIndent: 2 }): string[] {
  const margin = " ".repeat(indent);
  if (isList(value)) {
    return value.flatMap((item) => {
      if (isEmptyOrScalar(item)) return [`${margin}- ${yamlScalar(item)}`];
      const [first = "", ...rest] = yamlLines(item, indent + 2, style);
      return [`${margin}- ${first.slice(indent + 2)}`, ...rest];
    });
  }
  if (!isMap(value)) return [margin + yamlScalar(value)];
  return Object.entries(value).flatMap(([key, field]) => {
    if (isEmptyOrScalar(field)) return [`${margin}${yamlScalar(key)}: ${yamlScalar(field)}`];
    const inside = yamlLines(field, indent + (isList(field) ? style.listIndent : 2), style);
    return [`${margin}${yamlScalar(key)}:`, ...inside];
  });
}

/** Several documents, as `kubectl apply -f -` takes them. */
export function yamlDocuments(documents: readonly Plain[]): string {
  return documents.map((document) => `---\n${yamlLines(document, 0).join("\n")}\n`).join("");
}

function isList(value: Plain): value is readonly Plain[] {
  return Array.isArray(value);
}

function isMap(value: Plain): value is { readonly [key: string]: Plain } {
  return typeof value === "object" && value !== null && !isList(value);
}

function isEmptyOrScalar(value: Plain): boolean {
  return typeof value !== "object" || value === null || Object.keys(value).length === 0;
}
