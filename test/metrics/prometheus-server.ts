/** A Prometheus for one test, which scrapes one address and evaluates rules. */

import { join } from "node:path";
import type { TestContext } from "node:test";
import { folderWith } from "../cli/command.ts";
import { freePort, startProgram } from "../programs.ts";

const HOST = "127.0.0.1";
const READY = "Server is ready to receive web requests";
const TRIES = 3;

/** One series of an answer. */
export interface Found {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

export interface Prometheus {
  /** The data of an answer of its API; fails with what it says. */
  api<Data>(path: string, parameters?: Readonly<Record<string, string>>): Promise<Data>;
  query(expr: string): Promise<readonly Found[]>;
}

/** Starts it and stops it after the test. `rules` is a file's text. */
export async function startPrometheus(t: TestContext, target: string, rules: string): Promise<Prometheus> {
  const folder = await folderWith(t, {
    "rules.yml": rules,
    "prometheus.yml": JSON.stringify({
      global: { scrape_interval: "500ms", scrape_timeout: "500ms", evaluation_interval: "1s" },
      rule_files: ["rules.yml"],
      scrape_configs: [{ job_name: "gateway", static_configs: [{ targets: [target] }] }],
    }),
  });
  for (let tries = 1; ; tries++) {
    const port = await freePort();
    const said = await start(t, folder, port);
    if (said.includes(READY)) return clientOf(`http://${HOST}:${port}`);
    // Between the look for a free port and the start somebody else may have taken it.
    if (tries === TRIES) throw new Error(`prometheus did not start:\n${said}`);
  }
}

/** What it said until it was ready, or had ended. */
function start(t: TestContext, folder: string, port: number): Promise<string> {
  const args = [
    `--config.file=${join(folder, "prometheus.yml")}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=${HOST}:${port}`,
    "--enable-feature=exemplar-storage",
  ];
  return startProgram(t, ["prometheus", ...args], READY);
}

function clientOf(url: string): Prometheus {
  const api = async <Data>(
    path: string,
    parameters: Readonly<Record<string, string>> = {},
  ): Promise<Data> => {
    const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`);
    const answer = (await response.json()) as { status: string; data: Data; error?: string };
    if (answer.status !== "success")
      throw new Error(`${path} ${JSON.stringify(parameters)}: ${answer.error}`);
    return answer.data;
  };
  return {
    api,
    query: async (expr) => (await api<{ result: readonly Found[] }>("query", { query: expr })).result,
  };
}
