/**
 * Patterns of the policy: paths, hosts and single values. All matchers are compiled once and take time linear in the
 * text times the number of stars, whatever is sent to them: no regular expressions are made from patterns.
 */

/** Whether a text fits; made once per pattern. */
export type Matcher = (text: string) => boolean;

/** What is wrong with a path pattern, if anything. */
export function pathPatternProblem(pattern: string): string | undefined {
  if (!pattern.startsWith("/")) return "a path pattern that begins with /";
  if (/[?#]/.test(pattern)) return "a path pattern without ? or #: queries play no part in it";
  if (decoded(pattern) === undefined) return "a path pattern with valid %-escapes";
  const segments = pattern.split("/");
  if (segments.some((segment) => segment === "." || segment === ".."))
    return "a path pattern without . or .. segments";
  return doubleStarProblem(segments, "/");
}

/** What is wrong with a host pattern, if anything. */
export function hostPatternProblem(pattern: string): string | undefined {
  if (pattern.includes("/") || /[^\]]:\d+$/.test(pattern))
    return "a host pattern without scheme, path or port";
  return doubleStarProblem(pattern.split("."), ".");
}

function doubleStarProblem(segments: readonly string[], separator: string): string | undefined {
  const mixed = segments.some((segment) => segment.includes("**") && segment !== "**");
  return mixed ? `** alone between two ${separator}: it stands for whole segments` : undefined;
}

/** Matches what `pathReadings` gives. Case counts, a slash at the end does not. */
export function pathMatcher(pattern: string): Matcher {
  const segments = segmentsOf(trimmed(collapsed(decoded(pattern) ?? pattern)));
  const stars = segments.filter((segment) => segment.includes("*")).length;
  const whole = `/${segments.join("/")}`;
  if (stars === 0) return (path) => path === whole;
  if (stars === 1 && segments.at(-1) === "**") {
    // The most common form, and the whole cost of a request that matches no rule: two comparisons, nothing split.
    const prefix = segments
      .slice(0, -1)
      .map((segment) => `/${segment}`)
      .join("");
    return (path) =>
      path.startsWith(prefix) && (path.length === prefix.length || path.charCodeAt(prefix.length) === SLASH);
  }
  const matchers = segments.map(segmentMatcher);
  return (path) => segmentsMatch(matchers, segmentsOf(path));
}

/** Matches a host without port, in any case; `*` stays inside one label. */
export function hostMatcher(pattern: string): Matcher {
  const matchers = plainHost(pattern).split(".").map(segmentMatcher);
  return (host) => segmentsMatch(matchers, plainHost(host).split("."));
}

/** Matches a whole value; `*` stands for any characters. */
export function valueMatcher(pattern: string): Matcher {
  const pieces = pattern.split("*");
  if (pieces.length === 1) return (text) => text === pattern;
  const first = pieces[0]!;
  const last = pieces.at(-1)!;
  const between = pieces.slice(1, -1);
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
      return false;
    let from = first.length;
    for (const piece of between) {
      const at = text.indexOf(piece, from);
      if (at === -1) return false;
      from = at + piece.length;
    }
    return from <= text.length - last.length;
  };
}

const SLASH = 47;

/** Signs that a path may read differently to different servers, or needs decoding. */
const UNUSUAL = /[%\\;]|\/\/|\/\.|^(?!\/)/;

/**
 * The path of a request target in the form that patterns match: without query, percent-decoded, single slashes, no
 * slash at the end. None when it cannot be decoded.
 *
 * Dot segments, backslashes, encoded slashes and what follows a semicolon mean one thing to servers that resolve them and
 * another to servers that do not, and nobody here knows which kind the upstream is. Such a path has two readings, as sent
 * and resolved; the caller must not give it more than the worse of the two would get, or `/export/all/../../health` and,
 * for Java's servlets, `/health/..;/export/all` would be ways up.
 */
export function pathReadings(target: string): readonly string[] {
  let end = target.search(/[?#]/);
  if (end === -1) end = target.length;
  const path = end === target.length ? target : target.slice(0, end);
  if (!UNUSUAL.test(path)) return [trimmed(path)];
  const local = path.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, "");
  if (local !== path && local === "") return ["/"];
  if (!local.startsWith("/")) return [];
  // An encoded slash is part of its segment for those who split first, and must not become a slash when it is decoded.
  const asSent = decoded(local.replaceAll(/%2f/gi, "%252F"));
  const resolved = decoded(local.replaceAll(/%2f|%5c|\\/gi, "/"));
  if (asSent === undefined || resolved === undefined) return [];
  const one = trimmed(collapsed(asSent));
  const other = trimmed(withoutDots(collapsed(resolved.replaceAll(/;[^/]*/g, ""))));
  return one === other ? [one] : [one, other];
}

function decoded(path: string): string | undefined {
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

function collapsed(path: string): string {
  return path.replaceAll(/\/{2,}/g, "/");
}

function trimmed(path: string): string {
  return path.length > 1 && path.charCodeAt(path.length - 1) === SLASH ? path.slice(0, -1) : path;
}

function withoutDots(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split("/").slice(1)) {
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
  }
  return `/${kept.join("/")}`;
}

function segmentsOf(path: string): string[] {
  return path === "/" ? [] : path.slice(1).split("/");
}

function plainHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/(?<=[^:]):\d*$/, "")
    .replace(/\.$/, "");
}

/** Undefined stands for `**`. */
function segmentMatcher(segment: string): Matcher | undefined {
  if (segment === "**") return undefined;
  return segment === "*" ? isNotEmpty : valueMatcher(segment);
}

function isNotEmpty(text: string): boolean {
  return text !== "";
}

/** On a mismatch only the last `**` takes one more segment: an earlier one could gain nothing that the last cannot. */
function segmentsMatch(matchers: readonly (Matcher | undefined)[], segments: readonly string[]): boolean {
  let at = 0;
  let next = 0;
  let lastStars = -1;
  let resumeAt = 0;
  while (at < segments.length) {
    const matcher = matchers[next];
    if (next < matchers.length && matcher === undefined) {
      lastStars = next;
      next += 1;
      resumeAt = at;
    } else if (matcher?.(segments[at]!) === true) {
      at += 1;
      next += 1;
    } else if (lastStars === -1) {
      return false;
    } else {
      resumeAt += 1;
      at = resumeAt;
      next = lastStars + 1;
    }
  }
  while (next < matchers.length && matchers[next] === undefined) next += 1;
  return next === matchers.length;
}
