import { compileClassify } from "../../src/policy/classify.ts";
import type { Classification, RequestFacts } from "../../src/policy/classify.ts";
import { parsePolicy } from "../../src/policy/policy.ts";

/** A request with as little as it needs. */
export function request(
  path: string,
  {
    headers = {},
    ...facts
  }: Partial<Omit<RequestFacts, "header">> & { headers?: Record<string, unknown> } = {},
): RequestFacts {
  return { method: "GET", path, header: (name) => headers[name] as string | undefined, ...facts };
}

/** The classifier of a policy text, with a function that asks it. */
export async function asking(
  text: string,
  env: Record<string, string> = {},
): Promise<(...args: Parameters<typeof request>) => Classification> {
  const classify = compileClassify(await parsePolicy(text, { file: "laneway.yaml", env }));
  return (...args) => classify(request(...args));
}
