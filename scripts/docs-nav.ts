/** The order of the pages of the site: a reader's way through them, by what they came for. */

/** A page or a folder of pages in the bar at the side. */
export interface NavItem {
  readonly text: string;
  /** The page, from the root of the site and without its ending; a group may have none. */
  readonly link?: string;
  readonly items?: readonly NavItem[];
  readonly collapsed?: boolean;
}

/** A part of the site, with its pages in their order; those of `folder` that are not listed come last. */
interface Part {
  readonly title: string;
  readonly pages: readonly string[];
  readonly folder?: string;
  readonly collapsed?: boolean;
}

/** The page that greets, which stands in no list. */
export const LANDING = "index.md";

const PARTS: readonly Part[] = [
  { title: "Start here", pages: ["tutorial/ten-minutes.md"], folder: "tutorial" },
  {
    title: "How to",
    pages: [
      "guides/protect-an-http-service.md",
      "guides/ai-request-lanes.md",
      "guides/gateway.md",
      "guides/database-lanes.md",
      "guides/other-resources.md",
      "guides/postgres-across-processes.md",
      "guides/threads-in-lanes.md",
      "guides/run-jobs-in-lanes.md",
      "guides/network-marks.md",
      "guides/kubernetes.md",
      "guides/lanes-in-code.md",
      "guides/migrate.md",
      "guides/test-your-lanes.md",
      "guides/prove-it-under-load.md",
      "guides/watch-and-tune.md",
      "guides/deploy.md",
      "guides/operations.md",
    ],
    folder: "guides",
  },
  {
    title: "Why it works",
    pages: [
      "explanation/how-it-decides.md",
      "explanation/why-not-strict-or-aging.md",
      "limits.md",
      "explanation/comparison.md",
      "explanation/security.md",
      "explanation/faq.md",
    ],
    folder: "explanation",
  },
  {
    title: "Reference",
    pages: [
      "reference/policy.md",
      "reference/policy-fields.md",
      "reference/commands.md",
      "reference/errors.md",
      "reference/metrics.md",
      "reference/http-services.md",
      "reference/http.md",
      "reference/pg.md",
      "reference/mysql.md",
      "reference/postgres.md",
      "reference/threads.md",
      "reference/run.md",
      "reference/doctor.md",
      "reference/network.md",
      "reference/kubernetes.md",
      "reference/top.md",
      "reference/simulate.md",
      "reference/verify.md",
      "reference/soak.md",
      "reference/stability.md",
    ],
    folder: "reference",
  },
  { title: "API", pages: ["api/laneway.md"], folder: "api", collapsed: true },
  { title: "Examples", pages: ["examples/index.md"], folder: "examples", collapsed: true },
  {
    title: "Project",
    pages: [
      "project/glossary.md",
      "project/benchmarks.md",
      "project/architecture.md",
      "project/security.md",
      "project/contributing.md",
      "project/changelog.md",
    ],
    folder: "project",
    collapsed: true,
  },
];

/**
 * The parts with the pages that there are.
 *
 * @throws Error for a page that is in no part, so that nobody could find it.
 */
export function navOf(titles: ReadonlyMap<string, string>): NavItem[] {
  const left = new Set(titles.keys());
  left.delete(LANDING);
  const parts = PARTS.map(({ title, pages, folder = "?", collapsed }): NavItem => {
    const listed = pages.filter((page) => titles.has(page));
    const others = [...titles.keys()].filter(
      (page) => page.startsWith(`${folder}/`) && !pages.includes(page),
    );
    const items = [...listed, ...others.sort()].map((page) => {
      left.delete(page);
      return { text: titles.get(page) ?? page, link: `/${page.replace(/\.md$/, "")}` };
    });
    return { text: title, items, ...(collapsed === undefined ? {} : { collapsed }) };
  });
  if (left.size > 0)
    throw new Error(
      `expected each page in a part of scripts/docs-nav.ts, found ${[...left].join(", ")} in none`,
    );
  return parts.filter(({ items }) => items?.length !== 0);
}
