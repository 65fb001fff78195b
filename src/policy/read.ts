/**
 * From text to policy: parse, check the shape, check the meaning, fill in. Shape and meaning are checked independently
 * of each other, so that one run names everything that is wrong.
 */

import { isLanewayError } from "../core/errors.ts";
import { checkCalls } from "./check-calls.ts";
import { checkFallbacks } from "./check-fallbacks.ts";
import { checkKubernetes } from "./check-kubernetes.ts";
import { checkLanes } from "./check-lanes.ts";
import { checkGateway, checkResources } from "./check-resources.ts";
import { checkNetwork } from "./check-network.ts";
import { checkCallers, checkForwardTo, checkRules } from "./check-rules.ts";
import { PolicyDocument } from "./document.ts";
import { draftOf } from "./draft.ts";
import type { Environment } from "./environment.ts";
import { checkResource } from "./options.ts";
import type { Policy } from "./policy.ts";
import { PolicyError } from "./problems.ts";
import { resolvePolicy } from "./resolve.ts";
import { checkStructure } from "./structure.ts";

/**
 * Reads a policy, or says all that is wrong with it.
 *
 * @throws PolicyError
 */
export function readPolicy(text: string, file: string | undefined, environment: Environment): Policy {
  const document = new PolicyDocument(text, environment);
  const policy = document.broken ? undefined : checked(document, file);
  const problems = document.problems();
  if (policy === undefined || problems.length > 0) throw new PolicyError(file ?? "policy", problems);
  return policy;
}

function checked(document: PolicyDocument, file: string | undefined): Policy | undefined {
  const shaped = checkStructure(document);
  const draft = draftOf(document);
  checkLanes(draft);
  checkNetwork(draft);
  checkKubernetes(draft);
  checkRules(draft);
  checkCallers(draft);
  checkForwardTo(draft);
  checkResources(draft);
  checkCalls(draft);
  checkFallbacks(draft);
  checkGateway(draft);
  if (shaped === undefined || document.problems().length > 0) return undefined;
  const policy = resolvePolicy(shaped, document, file);
  for (const resource of Object.values(policy.resources)) acceptedByCore(document, policy, resource.name);
  return policy;
}

/** The core has the last word: what it would refuse when the resource is made is a problem of the policy. */
function acceptedByCore(document: PolicyDocument, policy: Policy, name: string): void {
  try {
    checkResource(policy, policy.resources[name]!);
  } catch (error) {
    if (!isLanewayError(error)) throw error;
    document.report(["resources", name], error.message);
  }
}
