/**
 * Builds the live page into the package: static files with relative addresses, so that it can be mounted anywhere, and
 * beside them, for Node, one file that draws its first view.
 */

import { fileURLToPath } from "node:url";
import type { Plugin, UserConfig } from "vite";

/** What the chart library hangs on itself for others' charts; ours draw lines. */
const UNUSED = [
  "(paths.stepped = stepped);",
  "(paths.bars    = bars);",
  "(paths.spline  = monotoneCubic);",
  "uPlot.join = join;",
  "uPlot.fmtDate = fmtDate;",
  "uPlot.tzDate  = tzDate;",
] as const;
/** Its own ways to write times and to divide other scales, none of which ours ask for, with what they give instead. */
const UNASKED: Readonly<Record<string, string>> = {
  timeAxisStamps: "[]",
  timeAxisVals: "() => []",
  timeSeriesStamp: '() => ""',
  timeSeriesVal: '() => ""',
  asinhAxisSplits: "[]",
  log2AxisValsFilt: "[]",
  logAxisSplits: "[]",
  rangeLog: "[0, 1]",
  rangeAsinh: "[0, 1]",
};

/** Formats of the reader's language, which ours do not use: to make them takes a tenth of the time to the first paint. */
const FORMATS: Readonly<Record<string, string>> = {
  "new Intl.NumberFormat(domEnv ? nav.language : 'en-US')": "{ format: String }",
  "new Intl.DateTimeFormat().resolvedOptions().timeZone": '""',
};

/** A tenth of the page's script. Where the library has changed the build fails, and does not grow in silence. */
function onlyLines(): Plugin {
  return {
    name: "only-lines",
    transform(code, id) {
      if (!id.endsWith("uPlot.esm.js")) return undefined;
      for (const line of UNUSED) {
        if (!code.includes(line)) this.error(`expected "${line}" in uPlot; look what it has become`);
        code = code.replace(line, "");
      }
      for (const [made, instead] of Object.entries(FORMATS)) {
        if (!code.includes(`= ${made};`)) this.error(`expected "${made}" in uPlot; look what it has become`);
        code = code.replace(made, instead);
      }
      for (const [name, value] of Object.entries(UNASKED)) {
        const head = new RegExp(`^function ${name}\\(.*\\) \\{$`, "m").exec(code)?.[0];
        if (head === undefined) this.error(`expected a function ${name} in uPlot; look what it has become`);
        code = code.replace(head, `${head} return ${value};`);
      }
      return { code, map: null };
    },
  };
}

/** After what is drawn: the script is not waited for, and in the head it would be begun before the first paint. */
function scriptLast(): Plugin {
  return {
    name: "script-last",
    transformIndexHtml: {
      order: "post",
      handler(html) {
        const script = /\n\s*<script type="module".*<\/script>/.exec(html)?.[0];
        if (script === undefined)
          throw new Error("expected the page's script in index.html; look what is there");
        return html.replace(script, "").replace("\n  </body>", `${script}\n  </body>`);
      },
    },
  };
}

const config: UserConfig = {
  root: "src/dashboard",
  base: "./",
  plugins: [onlyLines(), scriptLast()],
  // Smaller than the runtime that the type checker knows, and the same to it.
  oxc: {
    jsx: { runtime: "classic", pragma: "h", pragmaFrag: "Fragment" },
    jsxInject: 'import { h, Fragment } from "preact";',
  },
  build: {
    outDir: "../../dist/dashboard",
    emptyOutDir: true,
    license: { fileName: "licenses.md" },
    target: "es2022",
    // A script inside the page, which its content security policy refuses.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  // Both, one after the other.
  builder: {},
  environments: {
    client: {},
    ssr: {
      build: {
        emptyOutDir: false,
        rolldownOptions: {
          input: fileURLToPath(new URL("./src/dashboard/server.tsx", import.meta.url)),
          output: { entryFileNames: "server.js" },
          // It draws no canvas, so it needs no library for one.
          treeshake: { moduleSideEffects: (id: string) => !id.includes("/uplot/") },
        },
        license: { fileName: "server-licenses.md" },
        minify: true,
      },
      // The package depends on none of what is in it.
      resolve: { noExternal: true },
    },
  },
};
export default config;
