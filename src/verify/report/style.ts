/** The style sheet of the page: the colours of the live page (src/dashboard/style.css), light, dark and on paper. */

import { LANE_COLOURS } from "../plot/looks.ts";

const LANES = LANE_COLOURS.map(
  ([light, dark], index) => `.lane-${index} { color: light-dark(${light}, ${dark}); }`,
).join("\n");

/** What it is: no address in it, nothing to load. */
export const STYLE: string = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#fbfbfa, #14161a);
  --card: light-dark(#ffffff, #1b1e24);
  --ink: light-dark(#1a1d21, #e8eaed);
  --quiet: light-dark(#5c6570, #9aa4b0);
  --faint: light-dark(#e4e6e9, #2b3038);
  --line: light-dark(#c9cdd3, #3d444e);
  --link: light-dark(#00558c, #7cc4f4);
  --bad: light-dark(#a83c00, #ff9a66);
  --bad-paper: light-dark(#fdf0e9, #33211a);
  --good: light-dark(#00694d, #4fd1a5);
  --good-paper: light-dark(#eaf6f1, #172a24);
  --shade: light-dark(#eef1f4, #20242b);
  font: 14px/1.45 system-ui, "Segoe UI", "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums;
  background: var(--paper);
  color: var(--ink);
}
${LANES}
.run-0 { color: light-dark(#0067a6, #64b5f0); }
.run-1 { color: light-dark(#c04e00, #f0a35c); }
.quiet, .note, small { color: var(--quiet); }
*, ::before, ::after { box-sizing: border-box; }
body { max-width: 1240px; margin: 0 auto; padding: 0 16px 32px; overflow-wrap: anywhere; }
h1, h2, h3, p, dl, dd, ul, figure { margin: 0; padding: 0; }
h1 { font-size: 15px; }
h2 { font-size: 17px; margin: 30px 0 4px; }
h3 { font-size: 14px; }
.run-name { font-size: 15px; margin: 16px 0 0; }
small, .note { font-size: 12.5px; }
a { color: var(--link); }
.for-readers { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 3px; }
.defs { position: absolute; }

header { display: flex; flex-wrap: wrap; gap: 2px 16px; align-items: baseline; padding: 12px 0 10px; border-bottom: 1px solid var(--faint); }
header p { color: var(--quiet); }
.verdict { display: flex; flex-wrap: wrap; gap: 2px 12px; align-items: baseline; margin: 14px 0; padding: 12px 16px; border-left: 4px solid; border-radius: 4px; font-size: 16px; color: var(--quiet); background: var(--card); }
.verdict b { font-size: 19px; }
.verdict span { color: var(--ink); }
.verdict p { flex-basis: 100%; color: var(--ink); }
.verdict ul { flex-basis: 100%; padding-left: 20px; color: var(--ink); }
.verdict.held { color: var(--good); background: var(--good-paper); }
.verdict.missed, .verdict.invalid { color: var(--bad); background: var(--bad-paper); }

.head { display: grid; grid-template-columns: minmax(230px, 300px) minmax(0, 1fr); gap: 12px 24px; align-items: stretch; }
.cards { display: flex; flex-direction: column; gap: 12px; }
.card { flex: 1; padding: 10px 16px; background: var(--card); border: 1px solid var(--faint); border-left: 4px solid; border-radius: 6px; display: flex; flex-direction: column; justify-content: center; }
.card > * { color: var(--ink); }
.card h2 { margin: 0; font-size: 13px; }
.card dl { display: flex; gap: 26px; }
.card dd { font-size: 30px; line-height: 1.2; font-weight: 650; white-space: nowrap; }
.card dt { font-size: 12.5px; color: var(--quiet); }
.card p { font-size: 12.5px; color: var(--quiet); margin-top: 4px; }
.card dl div { display: flex; flex-direction: column-reverse; justify-content: flex-end; }

.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 18px 26px; margin-top: 10px; }
.figures.small { grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); }
figure { min-width: 0; break-inside: avoid; }
figcaption { display: flex; flex-wrap: wrap; gap: 0 12px; align-items: baseline; }
.legend { display: flex; flex-wrap: wrap; gap: 0 18px; margin: 4px 0 6px; font-size: 13px; }
.glyph, .sign { vertical-align: -1px; overflow: visible; }
.glyph { margin-right: 3px; }
.sign line { stroke: currentColor; stroke-width: 2; }
.plot { display: flex; }
.plot .scale { flex: none; }
.plot .area { flex: 1; min-width: 0; overflow: visible; padding-right: 8px; }
.plot text { fill: var(--quiet); font-size: 11.5px; }
.plot .shade { fill: var(--shade); }
.plot .no-shade { fill: none; }
.plot .phase-name { font-weight: 600; }
.plot .grid { stroke: var(--faint); }
.plot .axis { stroke: var(--line); }
.plot .lines { overflow: visible; }
.plot polyline { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.plot .level line { stroke: currentColor; stroke-dasharray: 1 3; stroke-width: 1.5; }
.plot .level text { fill: var(--ink); paint-order: stroke; stroke: var(--paper); stroke-width: 3px; }
.plot .tip { fill: transparent; }
.plot .tip:hover { fill: var(--ink); fill-opacity: 0.09; }
.served { fill: currentColor; }
.refused { fill: url(#refused); }
.failed { fill: url(#failed); }
.refused-paper { fill: var(--faint); }
.refused-line { stroke: var(--quiet); stroke-width: 1.5; }
.failed-paper { fill: var(--bad); }
.failed-line { stroke: var(--card); stroke-width: 1; }
.area rect, .offered-line { shape-rendering: crispEdges; }
.offered-line { stroke: var(--ink); stroke-width: 1.5; }
.track { fill: var(--faint); }
.due { stroke: var(--ink); stroke-width: 3; }

.scroll { overflow-x: auto; margin: 8px 0; }
table { width: 100%; border-collapse: collapse; }
caption { text-align: left; font-weight: 600; padding: 4px 0; }
th, td { padding: 5px 9px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--faint); vertical-align: baseline; }
th:first-child, .run, .left { text-align: left; }
thead th { font-size: 12.5px; font-weight: 600; color: var(--quiet); border-color: var(--line); }
thead td { border-color: var(--line); }
tbody th { font-weight: 500; }
.lanes tbody + tbody tr:first-child > * { border-top: 1px solid var(--line); }
.short-of { font-weight: 600; }
td.small { color: var(--quiet); padding-left: 0; }
td.strong { font-weight: 700; }
.control td, .control .run { color: var(--quiet); }
.lanes .left { padding-left: 20px; }
td.held, td .held { color: var(--good); }
td.missed, td .missed { color: var(--bad); }
.promises table { width: auto; }
.promises :is(th, td) { text-align: left; padding-right: 28px; }
.promises td b { display: inline-block; min-width: 5.4em; }
.shares { max-width: 640px; }
.shares th { white-space: normal; }
.shares .bar { width: 55%; }
.shares svg { vertical-align: middle; overflow: visible; }
details { margin-top: 4px; }
summary { cursor: pointer; color: var(--quiet); font-size: 12.5px; width: fit-content; }
details .scroll { max-height: 320px; overflow-y: auto; }
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 3px 18px; margin-top: 8px; }
.facts dt { color: var(--quiet); }
.reasons { padding-left: 20px; }
code { font: 12.5px/1.4 ui-monospace, "DejaVu Sans Mono", monospace; }

@media (max-width: 760px) {
  .head { grid-template-columns: minmax(0, 1fr); }
  .cards { flex-direction: row; flex-wrap: wrap; }
  .card { flex: 1 1 240px; }
}
@media (max-width: 560px) {
  body { padding: 0 10px 20px; }
  th, td { padding: 7px 5px; }
  .lanes .name { position: sticky; left: 0; background: var(--paper); white-space: normal; max-width: 110px; overflow-wrap: break-word; }
  .lanes .name .glyph { float: left; margin: 6px 4px 0 0; }
  .facts { grid-template-columns: minmax(0, 1fr); }
  .facts dd { margin-bottom: 6px; }
}
@media print {
  :root { color-scheme: light; font-size: 11px; background: none; }
  details, .tip { display: none; }
  .scroll { overflow: visible; }
  th, td { padding: 3px 4px; }
  .lanes { font-size: 9.5px; }
  .lanes thead th { white-space: normal; font-size: 9.5px; }
  h2 { break-after: avoid; }
  * { print-color-adjust: exact; }
}
`;
