import type { ResourceOptions } from "../core/options.ts";
import type { Ports } from "../core/ports.ts";
import { Resource as CoreResource } from "../core/resource.ts";
import { asyncContext } from "./context.ts";
import { memoryUsedAt } from "./memory.ts";
import { processSaturation } from "./saturation.ts";
import { systemClock } from "./system-clock.ts";

/**
 * One shared thing with a limit (an API, a pool, a CPU) and the lanes in which tasks wait for it, on Node's clock and
 * async context.
 *
 * @example
 * const ai = new Resource({ name: "ai", limit: 8, lanes: [
 *   { name: "critical", reservation: 2, lendable: 0 }, { name: "normal" }, { name: "batch" },
 * ] });
 * const reply = await ai.run(({ signal }) => ask(prompt, { signal }), { lane: "critical", flow: "tenant-7" });
 */
export class Resource extends CoreResource {
  /** @throws LanewayError `LANEWAY_INVALID` for a wrong option. */
  constructor(options: ResourceOptions) {
    // Options that are no object are the core's to refuse.
    const given: Partial<ResourceOptions> = typeof options === "object" && options !== null ? options : {};
    super(options, {
      clock: given.clock ?? systemClock,
      random: given.random ?? Math.random,
      context: asyncContext,
      contextClock: given.clock === undefined,
      detectDeadlock: given.detectDeadlock === true,
      // On another clock the state of this process says nothing.
      saturation: given.clock === undefined ? processSaturation : undefined,
      memory: memoryOf(given),
      turn: given.clock === undefined ? turn : undefined,
      flowWeight: given.flowWeight,
    });
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** On another clock the memory of this process says nothing, unless somebody tells what to read. */
function memoryOf({ memory, clock }: Partial<ResourceOptions>): Ports["memory"] {
  if (typeof memory === "function") return memory;
  return clock === undefined ? memoryUsedAt : undefined;
}
