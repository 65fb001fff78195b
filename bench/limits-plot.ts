/** One scenario as a picture: replies within the objective above, the limits that led to them below. */

import type { Played } from "../test/simulation/limits/play.ts";

interface Line {
  readonly name: string;
  readonly played: Played;
}

const WIDTH = 820;
const LEFT = 60;
const RIGHT = 800;
const COLOURS: readonly (readonly [string, string])[] = [
  ["#6e7781", "#9aa4ae"],
  ["#0067a6", "#64b5f0"],
  ["#c04e00", "#f0a35c"],
  ["#00785a", "#4fc9a4"],
  ["#9a5b9a", "#d3a0d3"],
  ["#8a7400", "#e0cf6a"],
];

/** The picture as SVG, in light and dark. The first line is the one to compare with. */
export function limitPlot(title: string, warmUpS: number, lines: readonly Line[]): string {
  const seconds = lines[0]!.played.good.length;
  const good = lines.map(({ played }) => smooth(played.good));
  const seats = lines.map(({ played, name }) =>
    name.startsWith("fixed")
      ? Array.from({ length: seconds }, () => Number(name.split(", ")[1]))
      : played.limits.filter((_, i) => i % 2 === 1),
  );
  const mostSeats = 3 * Math.max(...seats[0]!, ...seats[1]!.slice(warmUpS));
  const css = COLOURS.map(([light], i) => `.c${i} { stroke: ${light}; } .f${i} { fill: ${light}; }`).join(
    " ",
  );
  const dark = COLOURS.map(
    ([, colour], i) => `.c${i} { stroke: ${colour}; } .f${i} { fill: ${colour}; }`,
  ).join(" ");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} 480" width="${WIDTH}" height="480" role="img" aria-labelledby="title desc">
<title id="title">${title}</title>
<desc id="desc">Replies within the objective a second, and the limit, over time, for ${lines.map(({ name }) => name).join("; ")}.</desc>
<style>
    text { font: 13px system-ui, "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; }
    .title { font-size: 17px; font-weight: 600; } .line { fill: none; stroke-width: 1.6; stroke-linejoin: round; } .c1 { stroke-width: 2.6; } .c0 { stroke-dasharray: 5 4; }
    .page { fill: #ffffff; } text { fill: #59636e; } .title { fill: #1f2328; } .grid { stroke: #d8dee4; } ${css}
    @media (prefers-color-scheme: dark) { .page { fill: #0d1117; } text { fill: #9aa4ae; } .title { fill: #e6edf3; } .grid { stroke: #2f363d; } ${dark} }
</style>
<rect class="page" width="${WIDTH}" height="480" rx="6"/>
<text class="title" x="${LEFT}" y="28">${title}</text>
${legend(lines)}
${panel("replies within the objective, a second", good, 85, 240, Math.max(...good[0]!, ...good[1]!) * 1.1)}
${panel("limit, seats", seats, 290, 440, mostSeats)}
<text x="${LEFT}" y="465">0 s</text><text x="${RIGHT}" y="465" text-anchor="end">${seconds} s</text>
</svg>
`;
}

function legend(lines: readonly Line[]): string {
  return lines
    .map(({ name }, i) => {
      const x = LEFT + i * 125;
      return `<path class="line c${i}" d="M${x} 49h20"/><text x="${x + 26}" y="54">${name}</text>`;
    })
    .join("");
}

function panel(
  label: string,
  lines: readonly (readonly number[])[],
  top: number,
  bottom: number,
  most: number,
): string {
  const y = (value: number): string => (bottom - (Math.min(value, most) / most) * (bottom - top)).toFixed(1);
  const paths = lines.map((values, i) => {
    const step = (RIGHT - LEFT) / Math.max(1, values.length - 1);
    const points = values.map((value, at) => `${(LEFT + at * step).toFixed(1)} ${y(value)}`);
    return `<path class="line c${i}" d="M${points.join("L")}"/>`;
  });
  // The comparison and ours on top of the others.
  const order = [...paths.slice(2), ...paths.slice(0, 2)];
  const grid = [0, most / 2, most].map(
    (value) =>
      `<path class="grid" d="M${LEFT} ${y(value)}H${RIGHT}"/><text x="${LEFT - 6}" y="${Number(y(value)) + 4}" text-anchor="end">${Math.round(value)}</text>`,
  );
  return `<text x="${LEFT}" y="${top - 8}">${label}</text>${grid.join("")}${order.join("")}`;
}

/** Means of three seconds: Poisson arrivals jump from one to the next. */
function smooth(values: readonly number[]): number[] {
  return values.map((_, i) => {
    const near = values.slice(Math.max(0, i - 1), i + 2);
    return near.reduce((sum, each) => sum + each, 0) / near.length;
  });
}
