/** The look of the drawings and plots of docs/explanation: SVG that stands alone, on a light page and on a dark one. */

/** The width of each of them. */
export const WIDTH = 820;

/** Okabe and Ito's colours, which people with colour-blindness can tell apart; lighter ones on a dark page. */
const COLOURS: readonly (readonly [light: string, dark: string])[] = [
  ["#0067a6", "#64b5f0"],
  ["#c04e00", "#f0a35c"],
  ["#00785a", "#4fc9a4"],
  ["#9a5b9a", "#d3a0d3"],
  ["#6e7781", "#9aa4ae"],
];

/** A number of the picture, without digits that nobody sees. */
export function at(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** Text for between tags. */
export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Words at a place; `look` adds classes: `title`, `name`, `small`, or `f0` to `f4` for the colours. */
export function words(x: number, y: number, text: string, look = "", anchor = "start"): string {
  const classes = look === "" ? "" : ` class="${look}"`;
  const aligned = anchor === "start" ? "" : ` text-anchor="${anchor}"`;
  return `<text x="${at(x)}" y="${at(y)}"${classes}${aligned}>${escaped(text)}</text>`;
}

/** A box; `look` is a class: `box`, or `f0` to `f4`. */
export function box(x: number, y: number, width: number, height: number, look = "box", radius = 3): string {
  return `<rect class="${look}" x="${at(x)}" y="${at(y)}" width="${at(width)}" height="${at(height)}" rx="${radius}"/>`;
}

/** An arrow to the right or downwards. */
export function arrow(x: number, y: number, length: number, down = false): string {
  const path = down
    ? `M${at(x)} ${at(y)}v${at(length)}m-4 -6l4 6l4 -6`
    : `M${at(x)} ${at(y)}h${at(length)}m-6 -4l6 4l-6 4`;
  return `<path class="arrow" d="${path}"/>`;
}

/** A whole picture: its title for everybody, and what it shows for those who cannot see it. */
export function picture(
  title: string,
  description: string,
  height: number,
  parts: readonly string[],
): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title desc">
<title id="title">${escaped(title)}</title>
<desc id="desc">${escaped(description)}</desc>
<style>
    text { font: 13px system-ui, "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; }
    .title { font-size: 17px; font-weight: 600; } .name { font-weight: 600; } .small { font-size: 12px; }
    .line { fill: none; stroke-width: 2.2; stroke-linejoin: round; } .dashed { stroke-dasharray: 5 4; } .arrow { fill: none; stroke-width: 1.6; }
    ${theme(0)}
    @media (prefers-color-scheme: dark) { ${theme(1)} }
</style>
<rect class="page" width="${WIDTH}" height="${height}" rx="6"/>
${words(30, 30, title, "title")}
${parts.join("\n")}
</svg>
`;
}

function theme(which: 0 | 1): string {
  const [page, ink, soft, rule, fill] = (
    [
      ["#ffffff", "#1f2328", "#59636e", "#d8dee4", "#f3f5f7"],
      ["#0d1117", "#e6edf3", "#9aa4ae", "#2f363d", "#1a2129"],
    ] as const
  )[which];
  // Colours come last: a word may be ink and, by a second class, of a lane.
  const lanes = COLOURS.map(
    (colour, i) =>
      `.c${i} { stroke: ${colour[which]}; } .f${i} { fill: ${colour[which]}; } .h${i} { fill: ${colour[which]}; fill-opacity: 0.3; }`,
  ).join(" ");
  return `.page { fill: ${page}; } text { fill: ${soft}; } .title, .ink { fill: ${ink}; } .on { fill: ${page}; } .grid { stroke: ${rule}; } .axis { stroke: ${soft}; } .arrow { stroke: ${soft}; } .box { fill: ${fill}; stroke: ${rule}; } .free { fill: none; stroke: ${soft}; stroke-dasharray: 3 3; } ${lanes}`;
}
