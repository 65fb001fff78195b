/** `laneway gateway`: the proxy as a process of its own, from its first line to its last. */

import { existsSync } from "node:fs";
import { isLanewayError } from "../core/errors.ts";
import { keepRequestsYoung } from "../gateway/heap.ts";
import { startGateway } from "../gateway/index.ts";
import type { Gateway } from "../gateway/index.ts";
import { providerOfHost } from "../providers/known.ts";
import { Laneway } from "../policy/laneway.ts";
import { defaultPolicy, withResource } from "../policy/policy.ts";
import type { Policy, PolicyResource, Provider } from "../policy/policy.ts";
import { PolicyError } from "../policy/problems.ts";
import type { GatewayRecord } from "./gateway/record.ts";
import { paint, talk, unreadable } from "./output.ts";

/** What the command line may say. */
export interface GatewayCommandOptions {
  readonly policy?: string;
  readonly upstream?: string;
  readonly provider?: string;
  readonly listen?: string;
  readonly admin?: string;
  /** A file to write arrivals to. */
  readonly record?: string;
}

const DEFAULT_FILE = "laneway.yaml";
const SIGNALS = { SIGTERM: 143, SIGINT: 130 } as const;

/**
 * Runs until a signal ends it. Returns the exit code: 0 drained, 1 cannot start, 2 usage, 4 invalid policy, 130 or 143
 * when a second signal forced the end.
 */
export async function gatewayCommand(options: GatewayCommandOptions): Promise<number> {
  keepRequestsYoung();
  let record: GatewayRecord | undefined;
  const laneway = await lanewayFor(options, () => record?.follow());
  if (typeof laneway === "number") return laneway;
  if (options.record !== undefined) {
    const { recordGateway } = await import("./gateway/record.ts");
    record = await recordGateway(options.record, laneway);
    if (record === undefined) return 1;
  }
  const gateway = await start(laneway, options);
  if (typeof gateway === "number") {
    await record?.close();
    return gateway;
  }
  // Before the first word: whoever reads it may send a signal at once, which would end the process undrained.
  const ended = untilSignalled(gateway);
  introduce(gateway);
  if (options.record !== undefined)
    talk(`  records what comes, and nothing of what is asked, in ${options.record}`);
  const exitCode = await ended;
  await record?.close();
  laneway.close();
  return exitCode;
}

async function lanewayFor(
  { policy, upstream, provider }: GatewayCommandOptions,
  onReload: () => void,
): Promise<Laneway | number> {
  if (policy !== undefined && upstream !== undefined)
    return usage("expected --policy or --upstream, found both; name the upstream in the policy");
  if (provider !== undefined && upstream === undefined)
    return usage("--provider says what --upstream speaks; a policy says it for each resource");
  if (upstream !== undefined) return lanewayForUpstream(upstream, provider);
  const file = policy ?? DEFAULT_FILE;
  if (policy === undefined && !existsSync(file))
    return usage(
      `expected --policy FILE or --upstream URL, found neither, and there is no ${DEFAULT_FILE} here`,
    );
  return lanewayFromFile(file, onReload);
}

function lanewayForUpstream(upstream: string, provider: string | undefined): Laneway | number {
  const url = URL.canParse(upstream) ? new URL(upstream) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    return usage(`--upstream: expected an http:// or https:// URL, found ${JSON.stringify(upstream)}`);
  if (url.username !== "" || url.password !== "")
    return usage("--upstream: expected a URL without a user or password; clients send their own credentials");
  if (url.search !== "" || url.hash !== "") return usage("--upstream: expected a URL without a query");
  const speaks = (provider ?? providerOfHost(url.hostname)) as Provider;
  return new Laneway(withResource(defaultPolicy(), { name: speaks, provider: speaks, upstream }));
}

async function lanewayFromFile(file: string, onReload: () => void): Promise<Laneway | number> {
  try {
    let before: Policy | undefined;
    const laneway = await Laneway.fromFile(file, {
      watch: true,
      onReload: (policy) => {
        talk(`${file}: the edited policy is in force (${summary(policy)})`);
        if (before !== undefined) sayWhatWaits(before, policy);
        onReload();
      },
      onReloadError: (error) =>
        talk(`${file}: the edit was refused, the policy before it stays in force\n${error.message}`),
    });
    before = laneway.policy;
    if (upstreamsOf(laneway.policy).length > 0) return laneway;
    laneway.close();
    talk(
      `laneway gateway: no resource of ${file} has an upstream, so there is nowhere to forward to; add one:`,
    );
    talk('  resources: { http: { upstream: "http://127.0.0.1:3000" } }');
    return 1;
  } catch (error) {
    if (!(error instanceof PolicyError)) {
      talk(`laneway gateway: ${unreadable(file, error)}`);
      return 1;
    }
    talk(error.message);
    return 4;
  }
}

/** Ports are opened once: an edit of theirs is the one thing that does not follow. */
function sayWhatWaits({ gateway: started }: Policy, { gateway: edited }: Policy): void {
  const waiting = (["listen", "admin", "probes"] as const).filter(
    (field) => started[field] !== edited[field],
  );
  if (waiting.length > 0) talk(`  gateway.${waiting.join(" and gateway.")}: takes effect at the next start`);
}

async function start(laneway: Laneway, { listen, admin }: GatewayCommandOptions): Promise<Gateway | number> {
  try {
    return await startGateway({
      laneway,
      log: talk,
      ...(listen === undefined ? {} : { listen }),
      ...(admin === undefined ? {} : { admin: admin === "false" ? false : admin }),
    });
  } catch (error) {
    laneway.close();
    talk(`laneway gateway: ${(error as Error).message}`);
    return isLanewayError(error) ? 2 : 1;
  }
}

function usage(problem: string): number {
  talk(`laneway gateway: ${problem}`);
  return 2;
}

function upstreamsOf(
  policy: Policy,
): { name: string; provider: Provider; upstream: string; limit: string }[] {
  return Object.values(policy.resources).flatMap(({ name, provider = "http", upstream, limit }) =>
    upstream === undefined ? [] : [{ name, provider, upstream, limit: limitText(limit) }],
  );
}

function limitText(limit: PolicyResource["limit"]): string {
  return typeof limit === "number" ? String(limit) : `adaptive, ${limit.min} to ${limit.max}`;
}

function summary(policy: Policy): string {
  return upstreamsOf(policy)
    .map(({ name, limit }) => `${name}: limit ${limit}`)
    .join(", ");
}

/** How a client of each protocol is pointed here. */
const POINT: Readonly<Record<Provider, (url: string) => string>> = {
  anthropic: (url) => `ANTHROPIC_BASE_URL=${url}`,
  openai: (url) => `OPENAI_BASE_URL=${url}/v1`,
  http: (url) => `send requests to ${url} instead of the upstream`,
};

function introduce({ url, adminUrl, probesUrl, laneway }: Gateway): void {
  const upstreams = upstreamsOf(laneway.policy);
  talk(paint(process.stderr, "bold", `laneway gateway listens on ${url}`));
  for (const { name, upstream, limit } of upstreams)
    talk(`  ${name}: up to ${limit} at a time to ${upstream}`);
  if (adminUrl !== undefined)
    talk(`  admin: ${adminUrl}/metrics, ${adminUrl}/api/snapshot, and the live page on ${adminUrl}/`);
  if (probesUrl !== undefined) talk(`  probes: ${probesUrl}/healthz, ${probesUrl}/readyz`);
  for (const provider of new Set(upstreams.map((upstream) => upstream.provider)))
    talk(`  point clients here: ${POINT[provider](url)}`);
  if (!laneway.policy.enforce)
    talk("  enforce is false: everything is decided and counted, and nothing is held back");
}

/** The first signal drains, the second one ends what the drain still waits for. */
function untilSignalled(gateway: Gateway): Promise<number> {
  return new Promise((resolve) => {
    let draining = false;
    const signalled = (signal: keyof typeof SIGNALS): void => {
      if (draining) {
        talk(`${signal} again: ending at once`);
        void gateway.close().then(() => resolve(SIGNALS[signal]));
        return;
      }
      draining = true;
      const seconds = gateway.laneway.policy.gateway.drainTimeoutMs / 1_000;
      talk(
        `${signal}: finishing what was accepted, for at most ${seconds} s; a second signal ends it at once`,
      );
      void gateway.drain().then(() => {
        talk("drained");
        resolve(0);
      });
    };
    for (const signal of Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]) process.on(signal, signalled);
  });
}
