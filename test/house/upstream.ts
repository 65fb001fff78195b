/** What examples with `needs=upstream` talk to: a stand-in provider behind a gateway, on free loopback ports. */

import { startGateway } from "../../src/gateway/index.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { startStandIn } from "../../src/verify/stand-in/stand-in.ts";

/** The running pair; `close` ends both. */
export interface Upstream {
  readonly gatewayUrl: string;
  close(): Promise<void>;
}

/** Starts a gateway in front of a stand-in that speaks Anthropic's and OpenAI's protocols, quickly. */
export async function startUpstream(): Promise<Upstream> {
  const standIn = await startStandIn({ runMs: 5 });
  const resources = ["anthropic", "openai", "http"].map(
    (provider) => `  ${provider}: { provider: ${provider}, upstream: "${standIn.url}" }`,
  );
  const laneway = new Laneway(await parsePolicy(`version: 1\nresources:\n${resources.join("\n")}\n`));
  const gateway = await startGateway({ laneway, listen: "127.0.0.1:0", admin: false });
  return {
    gatewayUrl: gateway.url,
    close: async () => {
      await gateway.close();
      laneway.close();
      await standIn.close();
    },
  };
}
