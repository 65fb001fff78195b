/**
 * `laneway/prometheus`: the metrics of a `Laneway` on a registry of `prom-client` or of `@prometheus-io/client`, the one
 * that the program serves already. It is given, never looked up: each copy of these packages has a default registry of
 * its own, and metrics on the wrong one are missing without a word.
 */

import { invalid } from "../core/errors.ts";
import { collect } from "../metrics/collect.ts";
import { ExemplarStore } from "../metrics/exemplars.ts";
import { BOUNDS } from "../metrics/family.ts";
import type { Exemplar, Family, Labels } from "../metrics/family.ts";
import { currentTraceId, watchTraces } from "../metrics/traces.ts";
import type { Laneway } from "../policy/laneway.ts";
import { claimCounts } from "../requests/claims.ts";

/** What is used of a client's registry. */
export interface MetricsRegistry {
  registerMetric(metric: never): void;
  removeSingleMetric(name: string): void;
  /** In OpenMetrics' format buckets carry the trace of their last task. */
  readonly contentType?: string;
}

/** Options of `prometheusMetrics`. */
export interface PrometheusOptions {
  /** The registry that the program serves. */
  readonly registry: MetricsRegistry;
}

/** One number as the clients' registries write it. */
interface Value {
  readonly labels: Labels;
  readonly value: number;
  readonly metricName?: string;
  readonly exemplar?: {
    readonly labelSet: Labels;
    readonly value: number;
    readonly timestamp: number;
  };
}

/**
 * Puts all metrics of a `Laneway` on a registry, under the names of the gateway's own page; they are read when the
 * registry is. One in OpenMetrics' format gets exemplars: the traces of requests by their `traceparent`. Returns the
 * function that takes them off again.
 *
 * @throws LanewayError `LANEWAY_INVALID` when the registry is none; the registry's own error when it has such metrics
 * already.
 * @example
 * const registry = new Registry();
 * prometheusMetrics(laneway, { registry });
 * app.get("/metrics", async (req, res) => res.type(registry.contentType).send(await registry.metrics()));
 */
export function prometheusMetrics(laneway: Laneway, options: PrometheusOptions): () => void {
  const { registry } = checked(options);
  const reading = new Reading(
    laneway,
    registry.contentType?.startsWith("application/openmetrics-text") === true,
  );
  const metrics = reading.now().map(({ name }) => new OneFamily(name, reading));
  const done: OneFamily[] = [];
  const remove = (): void => {
    // By the name that each has now: a registry in OpenMetrics' format takes `_total` off it.
    for (const metric of done) registry.removeSingleMetric(metric.registeredAs);
    reading.close();
  };
  try {
    for (const metric of metrics) {
      registry.registerMetric(metric as never);
      done.push(metric);
    }
  } catch (error) {
    remove();
    throw error;
  }
  return remove;
}

function checked(options: PrometheusOptions): PrometheusOptions {
  const registry: Partial<MetricsRegistry> | undefined = (options as Partial<PrometheusOptions> | undefined)
    ?.registry;
  if (typeof registry?.registerMetric !== "function" || typeof registry.removeSingleMetric !== "function")
    throw invalid(
      "prometheusMetrics: registry",
      "a Registry of prom-client or @prometheus-io/client",
      registry,
      "give the one that you serve",
    );
  return options;
}

/** All families of one moment: a registry asks for each of them by itself, and they must add up. */
class Reading {
  readonly #laneway: Laneway;
  readonly #exemplars: ExemplarStore | undefined = undefined;
  readonly #unwatch: (() => void) | undefined = undefined;
  #families: Map<string, Family> | undefined = undefined;

  constructor(laneway: Laneway, withExemplars: boolean) {
    this.#laneway = laneway;
    if (!withExemplars) return;
    this.#unwatch = watchTraces();
    this.#exemplars = new ExemplarStore(currentTraceId);
  }

  now(): Family[] {
    this.#exemplars?.follow(this.#laneway);
    return collect(this.#laneway, {
      claims: claimCounts(this.#laneway).list(),
      exemplars: this.#exemplars,
    });
  }

  close(): void {
    this.#unwatch?.();
    this.#exemplars?.close();
  }

  /** Read anew for the first that asks in a turn of the event loop. */
  of(name: string): Family | undefined {
    if (this.#families === undefined) {
      this.#families = new Map(this.now().map((family) => [family.name, family]));
      queueMicrotask(() => (this.#families = undefined));
    }
    return this.#families.get(name);
  }
}

/** What both clients' registries take for a metric. */
class OneFamily {
  /** Not read-only: a registry in OpenMetrics' format takes `_total` off a counter's, and puts it back when it writes. */
  name: string;
  readonly registeredAs: string;
  readonly help: string;
  readonly type: Family["type"];
  /** How the numbers of several processes come together: they are counts and seats, so they add up. */
  readonly aggregator = "sum";
  readonly #reading: Reading;

  constructor(name: string, reading: Reading) {
    this.name = name;
    this.registeredAs = name;
    this.#reading = reading;
    const family = reading.of(name);
    this.help = family?.help ?? name;
    this.type = family?.type ?? "gauge";
  }

  get(): Promise<{ name: string; help: string; type: string; aggregator: string; values: Value[] }> {
    const { name, help, type, aggregator } = this;
    const family = this.#reading.of(this.registeredAs);
    return Promise.resolve({
      name,
      help,
      type,
      aggregator,
      values: family === undefined ? [] : values(family),
    });
  }

  /** What is counted here is the scheduler's; a registry cannot forget it. */
  reset(): void {}
}

function values(family: Family): Value[] {
  if (family.type !== "histogram") return family.samples.map(({ labels, value }) => ({ labels, value }));
  const { name } = family;
  return family.series.flatMap(({ labels, totals, exemplars }) => {
    let seen = 0;
    return [
      ...BOUNDS.map((le, i) => ({
        metricName: `${name}_bucket`,
        labels: { ...labels, le },
        value: (seen += totals.counts[i]!),
        ...exemplarOf(exemplars?.[i]),
      })),
      { metricName: `${name}_sum`, labels, value: totals.sumMs / 1_000 },
      { metricName: `${name}_count`, labels, value: totals.count },
    ];
  });
}

function exemplarOf(exemplar: Exemplar | undefined): Pick<Value, "exemplar"> {
  if (exemplar === undefined) return {};
  const { traceId, seconds, at } = exemplar;
  return { exemplar: { labelSet: { trace_id: traceId }, value: seconds, timestamp: at } };
}
