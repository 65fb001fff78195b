/**
 * What two stacks say of two checkouts: is the later one inside the earlier, or beside it? V8 follows `await` from callee to
 * caller, so where two pieces of code have a caller in common their stacks end alike, and where they part tells how they
 * stand. It cannot follow a query builder that begins when it is awaited: such a stack is cut off, and says nothing.
 *
 *     the earlier: at transaction (orm.js:8)   inside: at select (orm.js:30)              beside: at select (orm.js:30)
 *                  at pay (app.js:5)                   at async transaction (orm.js:10)           at async Promise.all (index 1)
 *                                                      at async pay (app.js:5)                    at async pay (app.js:5)
 */

interface Frame {
  readonly text: string;
  /** It waits for the frame before it: the place is that of its `await`, which stands before the call that it awaits. */
  readonly isAsync: boolean;
  /** Its function, in its file; undefined without a name. */
  readonly fn: string | undefined;
  readonly line: number;
  readonly column: number;
}

const BRANCH = /Promise\.\w+ \(index \d+\)/;
const PARTS = /^at (?:new )?(?<fn>[^(]*?) ?\(?(?<file>[^(]*):(?<line>\d+):(?<column>\d+)\)?$/;

/**
 * `inside`: the later stack passes through a function in which the earlier one was made, further on. `beside`: they stand
 * in two branches of one `Promise.all`, at the same place, or the later at an earlier place of the same function, as in the
 * next round of a loop.
 */
export function relationOf(later: string, earlier: string): "inside" | "beside" | "unknown" {
  const [ours, theirs] = [framesOf(later), framesOf(earlier)];
  while (ours.length > 0 && ours.at(-1)!.text === theirs.at(-1)?.text) {
    ours.pop();
    theirs.pop();
  }
  const [here, there] = [ours.at(-1), theirs.at(-1)];
  if (here === undefined || there === undefined) return here === there ? "beside" : "unknown";
  if (BRANCH.test(here.text) && BRANCH.test(there.text)) return "beside";
  if (ours.some((one) => (one.isAsync || one === here) && theirs.some((other) => further(one, other) > 0)))
    return "inside";
  // NaN where they are of two functions.
  if (!(further(here, there) < 0)) return "unknown";
  const isBranch = BRANCH.test(ours.at(-2)?.text ?? "");
  return here.isAsync && !there.isAsync && !isBranch ? "unknown" : "beside";
}

/** How far the one is behind the other in the same function; NaN in two functions, and where they have no name. */
function further(one: Frame, other: Frame): number {
  if (one.fn === undefined || one.fn !== other.fn) return NaN;
  return one.line - other.line || one.column - other.column;
}

function framesOf(stack: string): Frame[] {
  const lines = stack.split("\n").filter((line) => !line.includes("(node:"));
  return lines.map((line) => {
    const given = line.trim();
    const isAsync = given.startsWith("at async ");
    const text = isAsync ? `at ${given.slice("at async ".length)}` : given;
    const { fn = "", file = "", line: at, column } = PARTS.exec(text)?.groups ?? {};
    return {
      text,
      isAsync,
      fn: fn === "" ? undefined : `${fn} ${file}`,
      line: Number(at),
      column: Number(column),
    };
  });
}
