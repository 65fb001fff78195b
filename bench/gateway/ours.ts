/** Our gateway as `laneway gateway` runs it: one upstream, the default lanes, a few rules, a limit that is never reached. */
import { keepRequestsYoung } from "../../src/gateway/heap.ts";
import { startGateway } from "../../src/gateway/index.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { RULES } from "./rules.ts";
import { reportUsage } from "./usage.ts";

keepRequestsYoung();
const policy = await parsePolicy(`${RULES}
resources:
  openai: { provider: openai, upstream: "${process.argv[2]}", limit: 1000 }
`);
const gateway = await startGateway({ laneway: new Laneway(policy), listen: "127.0.0.1:0", admin: false });
reportUsage(Number(new URL(gateway.url).port));
