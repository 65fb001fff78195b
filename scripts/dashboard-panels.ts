/** What the Grafana dashboard shows, row by row. `OF` is filled in with what its variables have chosen. */

/** One curve, or one for each value of its labels. */
export interface Target {
  readonly expr: string;
  readonly legend: string;
}

/** One plot. */
export interface Panel {
  readonly title: string;
  readonly description: string;
  /** Grafana's name of the unit. */
  readonly unit: string;
  readonly targets: readonly Target[];
  readonly stacked?: boolean;
  readonly logarithmic?: boolean;
  readonly max?: number;
  /** Columns out of 24. Default 8. */
  readonly columns?: number;
}

/** Panels under one heading. */
export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const LANE = '{job=~"$job",resource=~"$resource",lane=~"$lane"}';
const RESOURCE = '{job=~"$job",resource=~"$resource"}';
const lane = (more: string): string => LANE.replace("}", `,${more}}`);
const RATE = "[$__rate_interval]";
const BY_LANE = "by (resource, lane)";

function quantile(part: number, name: string): Target {
  const buckets = `sum by (resource, lane, le) (rate(${name}_bucket${LANE}${RATE}))`;
  return {
    expr: `histogram_quantile(${part}, ${buckets})`,
    legend: `{{resource}} {{lane}} p${part * 100}`,
  };
}

function perSecond(name: string, more: string, labels: string, legend: string): Target {
  return { expr: `sum by (${labels}) (rate(${name}${more}${RATE}))`, legend };
}

const BAD = 'outcome=~"rejected|evicted|timed_out"';

/** All rows, most telling first. */
export const ROWS: readonly Row[] = [
  {
    title: "Do the lanes hold?",
    panels: [
      {
        title: "Wait, 99th percentile, beside each objective",
        description: "A curve above its dashed objective: that lane misses it.",
        unit: "s",
        logarithmic: true,
        columns: 12,
        targets: [
          quantile(0.99, "laneway_queue_wait_seconds"),
          {
            expr: `max ${BY_LANE} (laneway_objective_wait_seconds${LANE})`,
            legend: "{{resource}} {{lane}} objective",
          },
        ],
      },
      {
        title: "Served, of all that asked",
        description:
          "Finished tasks out of those that ended or were refused. Who gave up by himself does not count.",
        unit: "percentunit",
        max: 1,
        columns: 12,
        targets: [
          {
            expr: `sum ${BY_LANE} (rate(laneway_tasks_total${lane('result="finished"')}${RATE})) / (sum ${BY_LANE} (rate(laneway_tasks_total${LANE}${RATE})) + sum ${BY_LANE} (rate(laneway_admissions_total${lane(BAD)}${RATE})))`,
            legend: "{{resource}} {{lane}}",
          },
          {
            expr: `max ${BY_LANE} (laneway_objective_success_ratio${LANE})`,
            legend: "{{resource}} {{lane}} objective",
          },
        ],
      },
      {
        title: "Seats in use, and the limit",
        description: "Who holds what there is.",
        unit: "short",
        stacked: true,
        targets: [
          { expr: `sum ${BY_LANE} (laneway_seats_in_use${LANE})`, legend: "{{resource}} {{lane}}" },
          { expr: `sum by (resource) (laneway_limit${RESOURCE})`, legend: "{{resource}} limit" },
        ],
      },
      {
        title: "Waiting",
        description: "Tasks in the queue of each lane.",
        unit: "short",
        targets: [{ expr: `sum ${BY_LANE} (laneway_queue_depth${LANE})`, legend: "{{resource}} {{lane}}" }],
      },
      {
        title: "Longest waiter",
        description: "How long the oldest waiter of each lane has waited.",
        unit: "s",
        logarithmic: true,
        targets: [
          {
            expr: `max ${BY_LANE} (laneway_oldest_waiter_seconds${LANE})`,
            legend: "{{resource}} {{lane}}",
          },
        ],
      },
    ],
  },
  {
    title: "Traffic",
    panels: [
      {
        title: "Requests, by lane and outcome",
        description: "What became of all that asked.",
        unit: "reqps",
        stacked: true,
        targets: [
          perSecond(
            "laneway_admissions_total",
            LANE,
            "resource, lane, outcome",
            "{{resource}} {{lane}} {{outcome}}",
          ),
        ],
      },
      {
        title: "Finished a minute",
        description: "Throughput of each lane.",
        unit: "opm",
        targets: [
          {
            expr: `60 * sum ${BY_LANE} (rate(laneway_tasks_total${lane('result="finished"')}${RATE}))`,
            legend: "{{resource}} {{lane}}",
          },
        ],
      },
      {
        title: "Wait, median",
        description: "Half of the tasks that start have waited no longer.",
        unit: "s",
        logarithmic: true,
        targets: [quantile(0.5, "laneway_queue_wait_seconds")],
      },
      {
        title: "From arrival to end",
        description: "What callers see: wait, run and retries.",
        unit: "s",
        logarithmic: true,
        targets: [quantile(0.5, "laneway_duration_seconds"), quantile(0.95, "laneway_duration_seconds")],
      },
      {
        title: "Run",
        description:
          "How long seats are held: when it grows with nothing else changed, what is behind is slower.",
        unit: "s",
        logarithmic: true,
        targets: [quantile(0.5, "laneway_run_seconds"), quantile(0.99, "laneway_run_seconds")],
      },
      {
        title: "Reservation used",
        description:
          "Seats held out of those guaranteed: above 1 a lane borrows, at 0 its reservation idles.",
        unit: "percentunit",
        targets: [
          {
            expr: `sum ${BY_LANE} (laneway_seats_in_use${LANE}) / (sum ${BY_LANE} (laneway_reservation_seats${LANE}) > 0)`,
            legend: "{{resource}} {{lane}}",
          },
        ],
      },
    ],
  },
  {
    title: "Why",
    panels: [
      {
        title: "Refused, by reason",
        description:
          "lane-full and queue: too few seats. flow-share: one caller too many. predicted: it could not be in time.",
        unit: "reqps",
        stacked: true,
        targets: [
          {
            expr: `sum by (resource, lane, reason) (rate(laneway_shed_total${LANE}${RATE})) > 0`,
            legend: "{{resource}} {{lane}} {{reason}}",
          },
        ],
      },
      {
        title: "Out of turn, preempted, put back, overdue",
        description: "What does not go straight through.",
        unit: "ops",
        targets: [
          perSecond("laneway_aged_picks_total", LANE, "resource, lane", "{{resource}} {{lane}} out of turn"),
          perSecond("laneway_preemptions_total", LANE, "resource, lane", "{{resource}} {{lane}} preempted"),
          perSecond("laneway_requeues_total", LANE, "resource, lane", "{{resource}} {{lane}} put back"),
          perSecond("laneway_overdue_total", LANE, "resource, lane", "{{resource}} {{lane}} overdue"),
        ],
      },
      {
        title: "Lanes claimed, and given",
        description: "A claim that was not given in full: its caller is trusted with less.",
        unit: "reqps",
        targets: [
          {
            expr: `sum by (claimed, granted) (rate(laneway_lane_claims_total{job=~"$job"}${RATE})) > 0`,
            legend: "{{claimed}} → {{granted}}",
          },
        ],
      },
    ],
  },
  {
    title: "Resources",
    panels: [
      {
        title: "Limit, and its bounds",
        description: "At a bound while tasks wait: it would learn another one.",
        unit: "short",
        targets: [
          { expr: `laneway_limit${RESOURCE}`, legend: "{{resource}} {{instance}}" },
          { expr: `laneway_limit_bound${RESOURCE}`, legend: "{{resource}} {{bound}}" },
        ],
      },
      {
        title: "Budget left",
        description: "Of the budget that is nearest to its end, by kind.",
        unit: "percentunit",
        max: 1,
        targets: [{ expr: `laneway_budget_left_ratio${RESOURCE}`, legend: "{{resource}} {{kind}}" }],
      },
      {
        title: "Budget used a minute",
        description: "By lane: requests and tokens of calls that have ended.",
        unit: "short",
        targets: [
          {
            expr: `60 * sum by (resource, lane, kind) (rate(laneway_budget_used_total${LANE}${RATE}))`,
            legend: "{{resource}} {{lane}} {{kind}}",
          },
        ],
      },
      {
        title: "Held back by budgets",
        description: "Tasks that wait for one, and budgets that their upstream has paused.",
        unit: "short",
        targets: [
          { expr: `laneway_budget_waiting${RESOURCE}`, legend: "{{resource}} waiting" },
          { expr: `laneway_budget_paused${RESOURCE}`, legend: "{{resource}} paused" },
        ],
      },
      {
        title: "Upstream failures, retries, fallbacks",
        description: "Of the gateway only.",
        unit: "reqps",
        targets: [
          perSecond(
            "laneway_upstream_failures_total",
            RESOURCE,
            "resource, reason",
            "{{resource}} {{reason}}",
          ),
          perSecond("laneway_retries_total", RESOURCE, "resource, reason", "{{resource}} again: {{reason}}"),
          perSecond("laneway_fallbacks_total", RESOURCE, "resource, to", "{{resource}} → {{to}}"),
        ],
      },
      {
        title: "Pressure",
        description:
          "The part of the time in which the container waited for the host's processor, memory or disk.",
        unit: "percentunit",
        targets: [
          {
            expr: `rate(laneway_pressure_seconds_total{job=~"$job"}${RATE})`,
            legend: "{{source}} {{who}} {{instance}}",
          },
        ],
      },
    ],
  },
];
