/**
 * The gateway of the other benchmark, whose metrics are read once a second, as OpenMetrics with exemplars, or by nobody:
 * each message tells which, and is answered with the CPU time so far.
 */
import { keepRequestsYoung } from "../../src/gateway/heap.ts";
import { startGateway } from "../../src/gateway/index.ts";
import { MetricsPage } from "../../src/metrics/page.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { RULES } from "../gateway/rules.ts";
import { reportUsage } from "../gateway/usage.ts";

keepRequestsYoung();
const policy = await parsePolicy(`${RULES}
resources:
  openai: { provider: openai, upstream: "${process.argv[2]}", limit: 1000 }
`);
const laneway = new Laneway(policy);
const gateway = await startGateway({ laneway, listen: "127.0.0.1:0", admin: false });
const page = new MetricsPage(laneway);
const read = (): unknown => page.read("application/openmetrics-text");
let timer: NodeJS.Timeout | undefined;
process.on("message", ({ isRead }: { isRead: boolean }) => {
  if (isRead === (timer !== undefined)) return;
  clearInterval(timer);
  timer = isRead ? setInterval(read, 1_000) : undefined;
  if (isRead) read();
  else page.close();
});
reportUsage(Number(new URL(gateway.url).port));
