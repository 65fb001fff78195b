/**
 * Our gateway as it stands before an AI provider: a key of its own, budgets of requests and tokens that are spent,
 * corrected and never used up, retries allowed, and the usage of every reply read.
 */
import { keepRequestsYoung } from "../../src/gateway/heap.ts";
import { startGateway } from "../../src/gateway/index.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { PER_MINUTE } from "./limits.ts";
import { RULES } from "./rules.ts";
import { reportUsage } from "./usage.ts";

keepRequestsYoung();
const policy = await parsePolicy(`${RULES}
resources:
  openai:
    provider: openai
    upstream: "${process.argv[2]}"
    limit: 1000
    keys: ["sk-of-the-gateway-0123456789"]
    budgets: { requests: ${PER_MINUTE.requests}/min, inputTokens: ${PER_MINUTE.tokens}/min, outputTokens: ${PER_MINUTE.tokens}/min }
    retry: { attempts: 3 }
`);
const gateway = await startGateway({ laneway: new Laneway(policy), listen: "127.0.0.1:0", admin: false });
reportUsage(Number(new URL(gateway.url).port));
