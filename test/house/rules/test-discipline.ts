import { isNode, listCode, nameOf, parseFile, walk } from "../source.ts";
import type { Node, Source } from "../source.ts";

// Tests that may wait for real time, each with its reason.
const MAY_SLEEP: Readonly<Record<string, string>> = {};

// The one place that skips, with the line that would install what is missing.
const MAY_SKIP = "test/needs.ts";

const RUNNERS = new Set(["test", "it", "describe", "suite"]);

/** `only`, `todo` and `skip`, as a method or as an option: a green run must mean that everything ran. */
export function testsThatDoNotRun(root: string): string[] {
  return listCode(root, "test", "examples").flatMap((path) => {
    const source = parseFile(root, path);
    const found: string[] = [];
    walk(source.program, (node) => {
      if (node.type !== "CallExpression") return;
      const marker = markerOf(node, path);
      if (marker !== undefined)
        found.push(
          `${path}:${source.line(node.start)}: a test with \`${marker}\` does not run with the rest`,
        );
    });
    return found;
  });
}

function markerOf(call: Node, path: string): string | undefined {
  const callee = call["callee"] as Node;
  const called = callee.type === "MemberExpression" ? nameOf(callee["object"]) : nameOf(callee);
  if (called === undefined || !(RUNNERS.has(called) || called === "t")) return undefined;
  const method = callee.type === "MemberExpression" ? nameOf(callee["property"]) : undefined;
  if (method !== undefined && ["only", "todo", "skip"].includes(method) && path !== MAY_SKIP) return method;
  for (const argument of call["arguments"] as Node[]) {
    if (argument.type !== "ObjectExpression") continue;
    for (const property of argument["properties"] as Node[]) {
      const key = nameOf(property["key"]);
      if (key !== undefined && ["only", "todo", "skip"].includes(key)) return key;
    }
  }
  return undefined;
}

/** Tests that wait for time to pass instead of for an event. A time-out that rejects is a bound, and is fine. */
export function testsThatSleep(
  root: string,
  maySleep: Readonly<Record<string, string>> = MAY_SLEEP,
): string[] {
  const sleepers = new Map<string, string[]>();
  for (const path of listCode(root, "test")) {
    const source = parseFile(root, path);
    const found = sleepsIn(source).map(
      (node) => `${path}:${source.line(node.start)}: a sleep; wait for the event instead`,
    );
    if (found.length > 0) sleepers.set(path, found);
  }
  const stale = Object.keys(maySleep).filter((path) => !sleepers.has(path));
  return [
    ...[...sleepers].flatMap(([path, found]) => (maySleep[path] === undefined ? found : [])),
    ...stale.map((path) => `${path}: listed as a test that may sleep, but it does not; take it off the list`),
  ];
}

function sleepsIn(source: Source): Node[] {
  const found: Node[] = [];
  walk(source.program, (node) => {
    if (importsPromisedTimer(node) || promisifiesTimer(node) || waitsOnScheduler(node)) found.push(node);
    if (node.type === "NewExpression" && nameOf(node["callee"]) === "Promise" && resolvesByTimer(node))
      found.push(node);
  });
  return found;
}

/** `import … from "node:timers/promises"`, except its `setImmediate`, which lets one turn of the event loop pass. */
function importsPromisedTimer(node: Node): boolean {
  if (node.type !== "ImportDeclaration" || !/^(node:)?timers\/promises$/.test(nameOf(node["source"]) ?? ""))
    return false;
  return (node["specifiers"] as Node[]).some((specifier) => nameOf(specifier["imported"]) !== "setImmediate");
}

function promisifiesTimer(node: Node): boolean {
  return (
    node.type === "CallExpression" &&
    nameOf(node["callee"]) === "promisify" &&
    nameOf((node["arguments"] as Node[])[0]) === "setTimeout"
  );
}

/** `scheduler.wait(…)` and `Atomics.wait(…)`. */
function waitsOnScheduler(node: Node): boolean {
  const callee = node["callee"];
  if (node.type !== "CallExpression" || !isNode(callee) || nameOf(callee["property"]) !== "wait")
    return false;
  return ["scheduler", "Atomics"].includes(nameOf(callee["object"]) ?? "");
}

/** `new Promise((resolve) => setTimeout(resolve, …))`, also with the timer in a block, or with a function that resolves. */
function resolvesByTimer(promise: Node): boolean {
  const executor = (promise["arguments"] as Node[])[0];
  const resolve = isNode(executor) ? nameOf((executor["params"] as Node[] | undefined)?.[0]) : undefined;
  if (executor === undefined || resolve === undefined) return false;
  let found = false;
  walk(executor, (node) => {
    if (node.type !== "CallExpression" || nameOf(node["callee"]) !== "setTimeout") return;
    const callback = (node["arguments"] as Node[])[0];
    if (callback === undefined) return;
    if (nameOf(callback) === resolve) found = true;
    if (/Function/.test(callback.type)) {
      walk(callback, (inner) => {
        if (inner.type === "CallExpression" && nameOf(inner["callee"]) === resolve) found = true;
      });
    }
  });
  return found;
}
