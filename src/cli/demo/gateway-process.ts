/** A gateway in a process of its own: the one that `laneway gateway` starts, on free ports. */

import { keepRequestsYoung } from "../../gateway/heap.ts";
import { startGateway } from "../../gateway/index.ts";
import { Laneway } from "../../policy/laneway.ts";
import { serveParent } from "../../verify/child.ts";
import { recordGateway } from "../gateway/record.ts";

/** What the parent says, once: the policy, and the variables that the policy names. */
export interface GatewayStart {
  readonly policyFile: string;
  readonly variables: Readonly<Record<string, string>>;
  /** Where to write down what comes; undefined: nowhere. */
  readonly recordFile?: string | undefined;
}

/** What the gateway says, once. */
export interface GatewayReady {
  readonly url: string;
  readonly adminUrl: string;
}

serveParent<GatewayStart, GatewayReady>((start, send) => {
  keepRequestsYoung();
  Object.assign(process.env, start.variables);
  void Laneway.fromFile(start.policyFile)
    .then(async (laneway) => {
      if (start.recordFile !== undefined) await recordGateway(start.recordFile, laneway);
      return startGateway({ laneway, listen: "127.0.0.1:0", admin: "127.0.0.1:0" });
    })
    .then((gateway) => send({ url: gateway.url, adminUrl: gateway.adminUrl ?? "" }))
    .catch((error: unknown) => {
      console.error(error instanceof Error ? error.message : error);
      process.exit(1);
    });
});
