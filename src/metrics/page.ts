/** The page of metrics of a `Laneway`, in the format that its reader takes. */

import { collect } from "./collect.ts";
import type { Measured } from "./collect.ts";
import { ExemplarStore } from "./exemplars.ts";
import type { Family } from "./family.ts";
import type { ClaimCounted } from "./resources.ts";
import { CONTENT_TYPES, formatFor, metricsText } from "./text.ts";
import { currentTraceId, watchTraces } from "./traces.ts";

/** What a page tells beside the `Laneway` itself. */
export interface PageSources {
  readonly claims?: (() => Iterable<ClaimCounted>) | undefined;
  /** Families of whoever serves the page. */
  readonly more?: (() => readonly Family[]) | undefined;
}

export class MetricsPage {
  readonly #laneway: Measured;
  readonly #sources: PageSources;
  /** Only OpenMetrics has room for exemplars, so nothing is kept for them before somebody reads it. */
  #exemplars: ExemplarStore | undefined = undefined;
  #unwatch: (() => void) | undefined = undefined;

  constructor(laneway: Measured, sources: PageSources = {}) {
    this.#laneway = laneway;
    this.#sources = sources;
  }

  /** The page for a reader with this `accept` header. */
  read(accept: string | undefined): { contentType: string; body: string } {
    const format = formatFor(accept);
    if (format === "openmetrics") {
      this.#unwatch ??= watchTraces();
      this.#exemplars ??= new ExemplarStore(currentTraceId);
    }
    this.#exemplars?.follow(this.#laneway);
    const { claims, more } = this.#sources;
    const families = collect(this.#laneway, {
      ...(claims === undefined ? {} : { claims: claims() }),
      exemplars: format === "openmetrics" ? this.#exemplars : undefined,
    });
    const body = metricsText([...families, ...(more?.() ?? [])], format);
    return { contentType: CONTENT_TYPES[format], body };
  }

  /** Keeps no exemplars from here on. */
  close(): void {
    this.#unwatch?.();
    this.#exemplars?.close();
    this.#unwatch = undefined;
    this.#exemplars = undefined;
  }
}
