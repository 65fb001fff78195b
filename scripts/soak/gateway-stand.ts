/** A gateway with its policy file and its upstream, for as many rounds as it lives. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startGateway } from "../../src/gateway/index.ts";
import type { Gateway } from "../../src/gateway/index.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import type { Random } from "../../src/testing/random.ts";
import { BadUpstream } from "./bad-upstream.ts";
import { randomPolicy } from "./gateway-policy.ts";
import { JumpClock } from "./jump-clock.ts";
import type { Round } from "./part.ts";
import { FOLDER_WATCH, holdsWithin, openNow } from "./process-watch.ts";

const CLOSED_WITHIN_MS = 5_000;

export class Stand {
  /** Without one the resources are on the system's clock, and look at the memory of this process. */
  readonly clock: JumpClock | undefined;
  readonly upstream: BadUpstream;
  readonly folder: string = mkdtempSync(join(tmpdir(), "laneway-soak-"));
  readonly file: string = join(this.folder, "laneway.yaml");
  /** What the gateway logged: nothing but its own mistakes. */
  readonly log: string[] = [];
  /** A policy of this round only watched. */
  wasShadow = false;
  refusedEdits = 0;
  #gateway: Gateway | undefined;
  #isDrained = false;

  private constructor(upstream: BadUpstream, clock: JumpClock | undefined) {
    this.upstream = upstream;
    this.clock = clock;
  }

  static async open(random: Random): Promise<Stand> {
    const upstream = new BadUpstream(random);
    await upstream.open();
    const stand = new Stand(upstream, random.next() < 0.5 ? new JumpClock() : undefined);
    writeFileSync(stand.file, randomPolicy(random, upstream.url));
    const laneway = await Laneway.fromFile(stand.file, {
      watch: true,
      ...(stand.clock === undefined ? {} : { clock: stand.clock }),
      onReload: () => stand.policyChanged(),
      onReloadError: () => void stand.refusedEdits++,
    });
    stand.#gateway = await startGateway({ laneway, log: (line) => void stand.log.push(line) });
    return stand;
  }

  get gateway(): Gateway {
    return this.#gateway!;
  }

  /** A round begins, with a policy of its own. */
  async begin(random: Random): Promise<void> {
    this.wasShadow = false;
    await this.putInForce(randomPolicy(random, this.upstream.url));
  }

  async putInForce(text: string): Promise<void> {
    this.gateway.laneway.update(await parsePolicy(text, { file: "laneway.yaml", env: {} }));
    this.policyChanged();
  }

  /** Another policy is in force, as a file that was edited or by a call. */
  policyChanged(): void {
    this.wasShadow ||= !this.gateway.laneway.policy.enforce;
  }

  drain(): Promise<void> {
    this.#isDrained = true;
    return this.gateway.drain();
  }

  async close(round: Round): Promise<void> {
    if (!this.#isDrained && round.chance(0.5)) await round.settles("a drain", this.gateway.drain());
    await this.gateway.close();
    this.gateway.laneway.close();
    // With the folder its watch would be gone in any case.
    const watches = openNow().get(FOLDER_WATCH) ?? 0;
    round.expect(watches === 0, `${watches} watches of the policy's folder outlive their gateway`);
    const isAlone = await holdsWithin(CLOSED_WITHIN_MS, () => this.upstream.connections === 0);
    if (!isAlone)
      round.fault(`${this.upstream.connections} connections to the upstream outlive their gateway`);
    await this.upstream.close();
    rmSync(this.folder, { recursive: true });
  }
}
