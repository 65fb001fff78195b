export { DEFAULT_LANES } from "./core/options.ts";
export { LanewayError, REASONS, isLanewayError } from "./core/errors.ts";
export { Resource } from "./node/resource.ts";
export { currentLane, runInLane } from "./node/context.ts";
export { systemClock } from "./node/system-clock.ts";
export { Laneway } from "./policy/laneway.ts";
export { defaultPolicy, loadPolicy, parsePolicy, withResource } from "./policy/policy.ts";
export { PolicyError } from "./policy/problems.ts";
export { Secret } from "./policy/secret.ts";
export { keyDigest } from "./policy/trust.ts";
export type { Budget } from "./core/budget/handle.ts";
export type { Clock } from "./core/clock.ts";
export type { LanewayCode, LanewayErrorFacts, LanewayReason } from "./core/errors.ts";
export type { Forecast } from "./core/forecast.ts";
export type { DurationTotals } from "./core/histogram.ts";
export type { Limit, LimitCause, LimitSignal, Saturation } from "./core/limit/limit.ts";
export type {
  Actual,
  BudgetOptions,
  Cost,
  LaneDefaults,
  LaneOptions,
  LaneState,
  LimitOptions,
  Percent,
  ResourceOptions,
  TaskOptions,
} from "./core/options.ts";
export type { Permit, RequeueOptions } from "./core/permit.ts";
export type { ResourceChanges } from "./core/resource.ts";
export type {
  AllowanceSnapshot,
  BudgetSnapshot,
  LaneMeasures,
  LaneSnapshot,
  ResourceMeasures,
  ResourceSnapshot,
  TaskRecord,
} from "./core/snapshot.ts";
export type { LaneContext } from "./node/context.ts";
export type { Claim, Classification, RequestFacts } from "./policy/classify.ts";
export type { FromFileOptions, LanewayOptions } from "./policy/laneway.ts";
export type {
  AdaptivePolicyLimit,
  Fallback,
  LaneMemory,
  LaneProcessor,
  NewResource,
  Policy,
  PolicyBudgets,
  PolicyGateway,
  PolicyLane,
  PolicyResource,
  PolicyRetry,
  Provider,
  Rule,
  TrustedCaller,
} from "./policy/policy.ts";
export type { Override, OverrideRequest } from "./policy/overrides.ts";
export type { PolicyProblem } from "./policy/problems.ts";
