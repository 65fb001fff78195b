/** The gateway, embeddable: a proxy in front of a policy's upstreams, with its admin port. */

import type { Server } from "node:http";
import { invalid } from "../core/errors.ts";
import { isLoopback, parseAddress } from "../policy/address.ts";
import type { Laneway } from "../policy/laneway.ts";
import { createAdminServer, createProbesServer } from "./admin.ts";
import { BodyMemory } from "./body-memory.ts";
import { close, listen } from "./listen.ts";
import { createProxyServer } from "./server.ts";
import { Service } from "./serve.ts";

/** Options of `startGateway`; addresses are `host:port`, port 0 for any free one. */
export interface GatewayOptions {
  readonly laneway: Laneway;
  /** Where to take requests. Default: the policy's `gateway.listen`. */
  readonly listen?: string;
  /** Where to answer operators; false: nowhere. Default: the policy's `gateway.admin`. */
  readonly admin?: string | false;
  /** Where to answer health checks and nothing else. Default: the policy's `gateway.probes`. */
  readonly probes?: string;
  /** Bytes of request bodies that may be held at once. Default: a quarter of the memory this process may use. */
  readonly bodyMemory?: number;
  /** Told of errors inside the gateway, one line each. Default: `console.error`. */
  readonly log?: (line: string) => void;
}

/** A gateway that listens. */
export interface Gateway {
  /** Where it takes requests: `"http://127.0.0.1:8080"`. */
  readonly url: string;
  readonly adminUrl: string | undefined;
  readonly probesUrl: string | undefined;
  readonly laneway: Laneway;
  /**
   * Refuses newcomers, finishes what was accepted until the policy's `drainTimeout`, then closes. `/readyz` says so at
   * once. The resources of the `Laneway` are drained with it.
   */
  drain(): Promise<void>;
  /** Closes at once: what is under way is cut off. */
  close(): Promise<void>;
}

/**
 * Starts a gateway on a policy. Rejects with the error of the system, in plain words, when a port cannot be had, and with
 * a `LanewayError` `LANEWAY_INVALID` for a wrong address.
 *
 * @example
 * const gateway = await startGateway({ laneway: await Laneway.fromFile("laneway.yaml"), admin: false });
 * console.log(gateway.url);
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { laneway } = options;
  const settings = laneway.policy.gateway;
  const log = options.log ?? ((line: string) => console.error(line));
  const service = new Service(laneway, log, new BodyMemory(options.bodyMemory));
  const opened: Server[] = [];
  const open = async (server: Server, option: string, address: string): Promise<string> => {
    const url = await listen(server, option, address, log);
    opened.push(server);
    return url;
  };
  const proxy = createProxyServer(service);
  const admin = options.admin ?? settings.admin;
  const probes = options.probes ?? settings.probes;
  if (
    admin !== false &&
    settings.adminToken === undefined &&
    !isLoopback(parseAddress(admin)?.host ?? "localhost")
  ) {
    throw invalid(
      "admin",
      "a loopback address such as 127.0.0.1:8081, or a gateway.adminToken in the policy",
      admin,
      "health checks from outside have probes",
    );
  }
  try {
    const url = await open(proxy, "listen", options.listen ?? settings.listen);
    const adminUrl =
      admin === false
        ? undefined
        : await open(createAdminServer(service, { address: admin, gateway: url, log }), "admin", admin);
    const probesUrl =
      probes === undefined ? undefined : await open(createProbesServer(service), "probes", probes);
    return new RunningGateway(url, adminUrl, probesUrl, service, opened);
  } catch (error) {
    await closeAll(service, opened);
    throw error;
  }
}

class RunningGateway implements Gateway {
  readonly url: string;
  readonly adminUrl: string | undefined;
  readonly probesUrl: string | undefined;
  private readonly service: Service;
  private readonly servers: readonly Server[];

  constructor(
    url: string,
    adminUrl: string | undefined,
    probesUrl: string | undefined,
    service: Service,
    servers: readonly Server[],
  ) {
    this.url = url;
    this.adminUrl = adminUrl;
    this.probesUrl = probesUrl;
    this.service = service;
    this.servers = servers;
  }

  get laneway(): Laneway {
    return this.service.laneway;
  }

  async drain(): Promise<void> {
    await this.service.drain(this.laneway.policy.gateway.drainTimeoutMs);
    await this.close();
  }

  async close(): Promise<void> {
    await closeAll(this.service, this.servers);
  }
}

async function closeAll(service: Service, servers: readonly Server[]): Promise<void> {
  await Promise.all([...servers.map(close), service.upstreams.close()]);
}
