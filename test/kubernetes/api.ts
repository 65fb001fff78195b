/** A cluster's API over plain HTTP, through `kubectl proxy`, which knows how to log in. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** An object of the cluster, as far as it is looked at. */
export interface Found {
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
    }[];
    readonly disruptionsAllowed?: number;
    readonly expectedPods?: number;
    readonly hard?: Readonly<Record<string, string>>;
  };
  readonly reason?: string;
  readonly message?: string;
}

/** What a watch tells. */
export interface Change {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: Found;
}

/** The answer of a request. */
export interface Answer {
  readonly status: number;
  readonly body: Found;
}

/** Speaks to one cluster. */
export class Api {
  readonly #url: string;
  readonly #stop: () => Promise<void>;

  private constructor(url: string, stop: () => Promise<void>) {
    this.#url = url;
    this.#stop = stop;
  }

  /** Through a proxy of its own on a free port. */
  static async start(kubeconfig: string): Promise<Api> {
    const child = spawn("kubectl", ["--kubeconfig", kubeconfig, "proxy", "--port=0"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    const url = `http://${/127\.0\.0\.1:\d+/.exec(line)![0]}`;
    return new Api(url, async () => {
      const exit = once(child, "exit");
      child.kill();
      await exit;
    });
  }

  async call(method: string, path: string, body?: object): Promise<Answer> {
    const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const response = await fetch(this.#url + path, {
      method,
      headers: { "content-type": type },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Found };
  }

  /** All there is, then every change, until `signal` ends it. */
  async *watch(path: string, signal: AbortSignal): AsyncGenerator<Change> {
    const separator = path.includes("?") ? "&" : "?";
    const response = await fetch(`${this.#url}${path}${separator}watch=true`, { signal });
    if (!response.ok) throw new Error(`watching ${path}: ${response.status} ${await response.text()}`);
    let rest = "";
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines) yield JSON.parse(line) as Change;
    }
  }

  /** Waits until what is at `path` is as expected; each change is shown all that is there. */
  async until(path: string, what: string, expected: (found: readonly Found[]) => boolean): Promise<Found[]> {
    const there = new Map<string, Found>();
    const signal = AbortSignal.timeout(60_000);
    try {
      for await (const { type, object } of this.watch(path, signal)) {
        if (type === "DELETED") there.delete(object.metadata.name);
        else there.set(object.metadata.name, object);
        if (expected([...there.values()])) return [...there.values()];
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    throw new Error(
      `expected ${what}, found ${JSON.stringify(
        [...there.values()].map(({ metadata, status }) => [metadata.name, status]),
        undefined,
        1,
      )}`,
    );
  }

  stop(): Promise<void> {
    return this.#stop();
  }
}
