/** The package as a user gets it: packed once, and installed into empty projects by each package manager. */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { needsHost } from "../needs.ts";

export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));
/** What these tests install with and for: the nested package beside this file. */
export const TOOLS: string = fileURLToPath(new URL("node_modules", import.meta.url));

/** How a program ended. */
export interface Ending {
  readonly code: number | null;
  readonly output: string;
}

/** The environment of a user: nothing of this test run, and nothing of the clone on the path but its Node. */
function userEnv(more: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|NODE_(?!EXTRA_CA)|INIT_CWD$)/i.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    PATH: `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}`,
    NO_COLOR: "1",
    ...more,
  };
}

/** Runs a program in a folder to its end. */
export function runIn(folder: string, command: readonly string[], env: NodeJS.ProcessEnv = {}): Ending {
  const [program = "", ...args] = command;
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: folder,
    env: userEnv(env),
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 120_000,
    killSignal: "SIGKILL",
  });
  return { code: status, output: `${stdout}${stderr}${error?.message ?? ""}` };
}

/** A temporary folder, outside every project. */
export function emptyFolder(): string {
  return mkdtempSync(join(tmpdir(), "laneway-publish-"));
}

/** Packs what `npm publish` would send, without running a script, and gives the path of the archive. */
export function pack(folder: string): string {
  const { code, output } = runIn(ROOT, [
    "npm",
    "pack",
    "--ignore-scripts",
    "--silent",
    "--pack-destination",
    folder,
  ]);
  const name = readdirSync(folder).find((file) => file.endsWith(".tgz"));
  if (code !== 0 || name === undefined) throw new Error(`npm pack failed: ${output}`);
  return join(folder, name);
}

/** Writes files below a folder. */
export function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** A package manager: how it installs, and how it runs a file with what it installed. */
export interface Manager {
  readonly name: string;
  /** A module of the nested package that it needs, undefined for what comes with Node. */
  readonly module: string | undefined;
  readonly install: readonly string[];
  readonly run: readonly string[];
  /** Files that its users have beside their `package.json`. */
  readonly files: Readonly<Record<string, string>>;
  readonly env: NodeJS.ProcessEnv;
}

// Yarn has a registry of its own; where npm was told of another, a mirror say, that is the one that is in reach.
const REGISTRY = runIn(tmpdir(), ["npm", "config", "get", "registry"]).output.match(/^https?:\S+$/m)?.[0];

// What a manager downloads is kept in the nested package, and goes with it.
const CACHE = join(TOOLS, ".cache");
const YARN_4 = join(TOOLS, "@yarnpkg/cli-dist/bin/yarn.js");

export const MANAGERS: readonly Manager[] = [
  {
    name: "npm",
    module: undefined,
    install: ["npm", "install", "--prefer-offline", "--no-audit", "--no-fund"],
    run: ["node"],
    files: {},
    env: {},
  },
  {
    name: "pnpm",
    module: "pnpm",
    install: [join(TOOLS, ".bin/pnpm"), "install", "--prefer-offline", "--no-frozen-lockfile"],
    run: ["node"],
    files: {},
    env: { npm_config_store_dir: join(CACHE, "pnpm"), npm_config_cache_dir: join(CACHE, "pnpm-names") },
  },
  {
    name: "yarn 4, without node_modules",
    module: "@yarnpkg/cli-dist/package.json",
    install: ["node", YARN_4, "install", "--no-immutable"],
    run: ["node", YARN_4, "node"],
    files: { "yarn.lock": "" },
    env: {
      YARN_GLOBAL_FOLDER: join(CACHE, "yarn"),
      YARN_ENABLE_TELEMETRY: "0",
      YARN_NPM_REGISTRY_SERVER: REGISTRY,
    },
  },
  {
    name: "yarn 1",
    module: "yarn/package.json",
    install: ["node", join(TOOLS, "yarn/bin/yarn.js"), "install", "--prefer-offline", "--non-interactive"],
    run: ["node"],
    files: {},
    env: { YARN_CACHE_FOLDER: join(CACHE, "yarn-1"), npm_config_registry: REGISTRY },
  },
];

/** Makes an empty project that depends on the archive and installs it; false when the test is skipped for want of a network. */
export function installed(
  t: TestContext,
  folder: string,
  manager: Manager,
  dependencies: Readonly<Record<string, string>>,
): { readonly output: string } | undefined {
  write(folder, {
    "package.json": JSON.stringify({
      name: "user",
      version: "1.0.0",
      private: true,
      type: "module",
      dependencies,
    }),
    ...manager.files,
  });
  const { code, output } = runIn(folder, manager.install, manager.env);
  if (code === 0) return { output };
  const offline = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|ETIMEDOUT|ENOTCACHED|network/i.test(output);
  if (offline && !needsHost(t, false, `${manager.name} could not reach its registry`)) return undefined;
  throw new Error(`${manager.name} could not install the package: ${output}`);
}

/** The subpaths that are code, as a user writes them. */
export function subpaths(): string[] {
  const text = readFileSync(join(ROOT, "package.json"), "utf8");
  const { exports } = JSON.parse(text) as { readonly exports: Readonly<Record<string, unknown>> };
  return Object.keys(exports)
    .filter((path) => !path.endsWith(".json"))
    .map((path) => path.replace(/^\./, "laneway"));
}
