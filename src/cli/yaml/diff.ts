/** Two texts as a unified diff, as `diff -u` prints it and `patch` reads it. */

/** How many lines stand around a change. */
const CONTEXT = 3;

interface Line {
  readonly sign: " " | "-" | "+";
  readonly text: string;
}

/** Nothing when the texts are the same. */
export function unifiedDiff(before: string, after: string, name: string): string {
  if (before === after) return "";
  const lines = compared(linesOf(before), linesOf(after));
  return `--- ${name}\n+++ ${name}\n${hunksOf(lines).join("")}`;
}

/** Each with its line end: the last may lack one. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/**
 * The shortest way from one to the other, by Myers's algorithm: for each number of changes the furthest point on each
 * diagonal, until the end is reached.
 */
function compared(one: readonly string[], other: readonly string[]): Line[] {
  const furthest = new Map<number, number>([[1, 0]]);
  const steps: Map<number, number>[] = [];
  for (let changes = 0; ; changes++) {
    steps.push(new Map(furthest));
    for (let diagonal = -changes; diagonal <= changes; diagonal += 2) {
      const [down, right] = [furthest.get(diagonal + 1) ?? -1, furthest.get(diagonal - 1) ?? -1];
      let x = diagonal === -changes || (diagonal !== changes && right < down) ? down : right + 1;
      while (x < one.length && x - diagonal < other.length && one[x] === other[x - diagonal]) x++;
      furthest.set(diagonal, x);
      if (x >= one.length && x - diagonal >= other.length) return walkedBack(one, other, steps);
    }
  }
}

function walkedBack(
  one: readonly string[],
  other: readonly string[],
  steps: readonly ReadonlyMap<number, number>[],
): Line[] {
  const lines: Line[] = [];
  let [x, y] = [one.length, other.length];
  for (let changes = steps.length - 1; changes >= 0; changes--) {
    const furthest = steps[changes]!;
    const diagonal = x - y;
    const [down, right] = [furthest.get(diagonal + 1) ?? -1, furthest.get(diagonal - 1) ?? -1];
    const isDown = diagonal === -changes || (diagonal !== changes && right < down);
    const fromX = isDown ? down : right;
    const fromY = fromX - (isDown ? diagonal + 1 : diagonal - 1);
    while (x > Math.max(fromX, 0) && y > Math.max(fromY, 0) && one[x - 1] === other[y - 1]) {
      lines.push({ sign: " ", text: one[--x]! });
      y--;
    }
    if (changes === 0) break;
    if (isDown) lines.push({ sign: "+", text: other[--y]! });
    else lines.push({ sign: "-", text: one[--x]! });
  }
  return lines.reverse();
}

function hunksOf(lines: readonly Line[]): string[] {
  const near = lines.map((_line, index) =>
    lines.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(({ sign }) => sign !== " "),
  );
  const hunks: string[] = [];
  let [before, after] = [1, 1];
  for (let index = 0; index < lines.length;) {
    if (near[index] !== true) {
      index++;
      before++;
      after++;
      continue;
    }
    const end = near.indexOf(false, index);
    const hunk = lines.slice(index, end < 0 ? undefined : end);
    const [removed, added] = ["+", "-"].map((sign) => hunk.filter((line) => line.sign !== sign).length) as [
      number,
      number,
    ];
    hunks.push(`@@ -${span(before, removed)} +${span(after, added)} @@\n${hunk.map(written).join("")}`);
    before += removed;
    after += added;
    index += hunk.length;
  }
  return hunks;
}

/** An empty side is named by the line before it. */
function span(start: number, length: number): string {
  return length === 1 ? String(start) : `${length === 0 ? start - 1 : start},${length}`;
}

function written({ sign, text }: Line): string {
  return text.endsWith("\n") ? sign + text : `${sign}${text}\n\\ No newline at end of file\n`;
}
