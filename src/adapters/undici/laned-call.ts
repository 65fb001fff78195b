/** One call of a dispatcher under a resource: its turn, its tries, and what its caller is told. */

import type { Dispatcher } from "undici";
import { isTold, tell } from "../../calls/forwarding.ts";
import type { Told } from "../../calls/forwarding.ts";
import type { NextService } from "../../calls/next-service.ts";
import { NO_REPLY, REFUSED_COST } from "../../calls/traffic.ts";
import type { CallPlan } from "../../calls/traffic.ts";
import { isLanewayError } from "../../core/errors.ts";
import type { TaskOptions } from "../../core/options.ts";
import type { Permit } from "../../core/permit.ts";
import type { Resource } from "../../core/resource.ts";
import type { HeaderOf, Provider, Verdict } from "../../providers/provider.ts";
import { CallHandler } from "./call-handler.ts";
import type { HandledCall } from "./call-handler.ts";
import type { ChangeableHeaders } from "./headers.ts";
import type { HeldReply } from "./held-reply.ts";
import { Steering } from "./steering.ts";

/** What a call needs beside its caller's handler. */
export interface LanedCallOptions {
  readonly dispatch: Dispatcher["dispatch"];
  readonly given: Dispatcher.DispatchOptions;
  readonly headers: ChangeableHeaders;
  readonly told: Told;
  readonly task: TaskOptions;
  readonly resource: Resource;
  readonly next: NextService;
  /** The origins that are told, as they are at this moment. */
  readonly forwardTo: () => readonly string[];
  readonly provider: Provider;
  /** Undefined for a dispatcher that tries nothing twice. */
  readonly plan: CallPlan | undefined;
  /** Whether this call may be sent again. */
  readonly repeatable: boolean;
}

export class LanedCall implements HandledCall {
  readonly inner: Dispatcher.DispatchHandler;
  readonly steering: Steering | undefined;
  readonly #options: LanedCallOptions;
  /** Of the try that failed last: when the next begins, and why there is one. */
  #afterMs = 0;
  #verdict: Verdict = NO_REPLY;

  constructor(inner: Dispatcher.DispatchHandler, options: LanedCallOptions) {
    this.inner = inner;
    this.#options = options;
    this.steering = options.repeatable ? new Steering() : undefined;
  }

  /** Sends it when its turn has come, which may be at once: undici's word whether more fits into the connection. */
  begin(): boolean {
    const { next, told, task, given } = this.#options;
    const signal = signalOf(given);
    const refused = next.refused(told.lane, signal === undefined ? task : { ...task, signal });
    if (refused === undefined) return this.#beginNow(signal);
    new CallHandler(this).refuse(refused);
    return true;
  }

  #beginNow(signal: AbortSignal | undefined): boolean {
    const { resource, plan } = this.#options;
    let { task } = this.#options;
    try {
      if (plan !== undefined) task = { ...task, cost: plan.cost, budget: plan.budgets };
      const permit = resource.tryAcquire(task);
      if (permit !== undefined) return this.#send(permit);
    } catch (error) {
      new CallHandler(this).refuse(error);
      return true;
    }
    if (plan !== undefined) task = { ...task, cost: plan.costNow };
    this.#sendLater(resource.acquire(signal === undefined ? task : { ...task, signal }), (error) =>
      new CallHandler(this).refuse(error),
    );
    return true;
  }

  replied(permit: Permit, status: number, header: HeaderOf): void {
    const { next, told, plan } = this.#options;
    next.replied(told.lane, permit.lane, status, header);
    plan?.replied(permit, status, header);
  }

  triesAgain(permit: Permit, status: number | undefined, header: HeaderOf): boolean {
    const { plan, provider, repeatable } = this.#options;
    if (plan === undefined) return false;
    const verdict = status === undefined ? NO_REPLY : provider.judge({ status, header, body: undefined });
    const isWanted = repeatable && this.steering?.aborted !== true;
    const afterMs = plan.failed(permit, isWanted ? verdict : { ...verdict, retry: false });
    if (afterMs === undefined || !isWanted) return false;
    this.#afterMs = afterMs;
    this.#verdict = verdict;
    return true;
  }

  again(permit: Permit, held: HeldReply): void {
    const steering = this.steering!;
    const { plan, given } = this.#options;
    // It left, or its time was up, while the rest of an error reply was read.
    const left = steering.aborted ? steering.signal : permit.signal;
    if (left.aborted) {
      permit.release({ failed: true, cost: REFUSED_COST });
      held.drop();
      new CallHandler(this).refuse(left.reason);
      return;
    }
    steering.follow(undefined);
    const own = signalOf(given);
    const turn = permit.requeue({
      afterMs: this.#afterMs,
      reason: this.#verdict.reason,
      budget: plan!.budgets,
      signal: own === undefined ? steering.signal : AbortSignal.any([own, steering.signal]),
    });
    this.#sendLater(
      turn.then((next) => {
        held.drop();
        return next;
      }),
      (error) => {
        // Out of time before its next turn: the upstream's own words tell more than ours.
        if (isLanewayError(error)) return held.deliver(steering);
        held.drop();
        new CallHandler(this).refuse(error);
      },
    );
  }

  #sendLater(turn: Promise<Permit>, refuse: (error: unknown) => void): void {
    turn.then((permit) => {
      try {
        this.#send(permit);
      } catch (error) {
        new CallHandler(this).refuse(error);
      }
    }, refuse);
  }

  #send(permit: Permit): boolean {
    const { dispatch, given, headers, told, forwardTo, plan } = this.#options;
    const tried = new CallHandler(this);
    tried.admitted(permit);
    try {
      tell(headers, isTold(String(given.origin ?? ""), forwardTo()), told);
      plan?.keyOf(permit);
      return dispatch({ ...given, headers: [...headers.list] }, tried);
    } catch (error) {
      tried.failed();
      throw error;
    }
  }
}

/** undici's own calls hand their signal on; those of `fetch` do not, and are stopped when they start. */
function signalOf(given: Dispatcher.DispatchOptions): AbortSignal | undefined {
  const signal = "signal" in given ? given.signal : undefined;
  return signal instanceof AbortSignal ? signal : undefined;
}
