/** Files as people write them, put in a lane: what is not the lane's stays, byte by byte. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Document, isMap, isSeq, parseAllDocuments, visit } from "yaml";
import { manifestInLane } from "../../../src/adapters/kubernetes.ts";
import { unifiedDiff } from "../../../src/cli/yaml/diff.ts";
import { PatchError, patchText } from "../../../src/cli/kubernetes/patch.ts";

const SEED = Number(process.env["LANEWAY_TEST_SEED"] ?? 20_261_121);

function patched(text: string, lane = "critical"): string {
  return patchText(text, { lane }).text;
}

function fault(text: string): string {
  try {
    patchText(text, { lane: "critical" });
  } catch (error) {
    assert.ok(error instanceof PatchError, String(error));
    const { line, column, message } = error.remark;
    return `${line}:${column}: ${message}`;
  }
  return "accepted";
}

const spec = (yaml: string): string => `apiVersion: v1\nkind: Pod\nspec:\n${yaml.replaceAll(/^/gm, "  ")}\n`;

describe("a file in a lane", () => {
  it("keeps comments, order, quotes and documents that make no pods", () => {
    const text = `# The shop.
apiVersion: v1
kind: Service
metadata: {name:   payments}   # spaces are kept
---
apiVersion: apps/v1
kind: Deployment
spec:
  template:
    metadata:
      labels:
        app: 'payments' # who
    spec:
      # The containers.
      containers:
      - name: payment
        image: "registry.example/payment:1.0"
        env:
        - {name: PORT, value: "80"}

      # Beside it.
      - name: proxy
        resources:
          requests: # enough
            cpu: 250m
        # The end of the proxy.
      volumes:
      - {name: s, secret: {secretName: s, defaultMode: 0640}}
# The end.
---
`;
    assert.equal(
      patched(text),
      `# The shop.
apiVersion: v1
kind: Service
metadata: {name:   payments}   # spaces are kept
---
apiVersion: apps/v1
kind: Deployment
spec:
  template:
    metadata:
      labels:
        app: 'payments' # who
        laneway.dev/lane: critical
    spec:
      priorityClassName: lane-critical
      # The containers.
      containers:
      - name: payment
        image: "registry.example/payment:1.0"
        env:
        - {name: PORT, value: "80"}
        - name: LANEWAY_LANE
          value: critical
        resources:
          requests:
            cpu: 500m
            memory: 512Mi

      # Beside it.
      - name: proxy
        resources:
          requests: # enough
            cpu: 250m
            memory: 512Mi
        env:
        - name: LANEWAY_LANE
          value: critical
        # The end of the proxy.
      volumes:
      - {name: s, secret: {secretName: s, defaultMode: 0640}}
# The end.
---
`,
    );
  });

  it("fills what is there and empty, and keeps the comment on it", () => {
    const text = spec(`containers:
  - name: a
    env: [] # none
    resources: {}   # none yet
    volumeMounts: []
  - name: b
    env: # later
    resources:`).replace("spec:", "metadata:\n  labels: # to come\nspec:");
    assert.equal(
      patched(text, "bulk"),
      `apiVersion: v1
kind: Pod
metadata:
  labels: # to come
    laneway.dev/lane: bulk
spec:
  priorityClassName: lane-bulk
  containers:
    - name: a
      env: # none
        - name: LANEWAY_LANE
          value: bulk
      resources:   # none yet
        requests:
          cpu: 10m
          memory: 128Mi
      volumeMounts: []
    - name: b
      env: # later
        - name: LANEWAY_LANE
          value: bulk
      resources:
        requests:
          cpu: 10m
          memory: 128Mi
`,
    );
  });

  it("is still JSON where it was", () => {
    const flat = '{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"name":"a"}]}}';
    const value = JSON.parse(patched(flat)) as unknown;
    assert.deepEqual(value, manifestInLane(JSON.parse(flat), { lane: "critical" }).manifest);
    const pretty = JSON.stringify(JSON.parse(flat), undefined, 2);
    const text = patched(pretty);
    assert.deepEqual(JSON.parse(text), value);
    assert.match(text, /\n {4}\],\n {4}"priorityClassName": "lane-critical"\n {2}\}/);
  });

  it("changes a value where it stands", () => {
    const text = spec(
      'priorityClassName: "lane-bulk" # for now\ncontainers: [{ name: a, env: [{ name: LANEWAY_LANE, value: bulk }] }]',
    );
    const after = patched(text);
    assert.match(after, /^ {2}priorityClassName: lane-critical # for now$/m);
    assert.match(after, /env: \[\{ name: LANEWAY_LANE, value: critical \}\]/);
  });

  it("ends its lines as it did, and may end without one", () => {
    const text = spec("containers:\n- name: a").trimEnd();
    const crlf = text.replaceAll("\n", "\r\n");
    assert.equal(patched(crlf), patched(text).replaceAll("\n", "\r\n"));
    assert.doesNotMatch(patched(text), /\n$/);
  });

  it("may begin with the mark of its encoding, and hold documents of nothing but comments", () => {
    const text = `\uFEFF# First.\n---\n${spec("containers:\n- name: a")}---\n# Last.\n`;
    const after = patched(text);
    assert.ok(after.startsWith("\uFEFF# First.\n---\n") && after.endsWith("---\n# Last.\n"), after);
    assert.match(after, /^ {2}priorityClassName: lane-critical$/m);
  });

  it("goes on behind the text of a block, whatever ends it", () => {
    for (const sign of ["|", "|-", "|+", ">"]) {
      const text = spec(
        `containers:\n- name: a\n  command:\n  - sh\n  - -c\n  - ${sign}\n    one\n\n    two\n\n`,
      );
      const [before, after] = [text, patched(text)].map(
        (each) => parseAllDocuments(each)[0]!.toJS() as unknown,
      );
      assert.deepEqual(after, manifestInLane(before, { lane: "critical" }).manifest, sign);
    }
  });

  it("reads a file as Kubernetes does, in which 0640 is octal and << takes over fields", () => {
    const text = `apiVersion: v1\nkind: List\nx: &base\n  name: a\nitems:\n- apiVersion: v1\n  kind: Pod\n  spec:\n    containers:\n    - <<: *base\n      image: 0640\n`;
    assert.match(patched(text), /- <<: \*base\n {6}image: 0640\n {6}env:/);
    const { remarks } = patchText(spec("priorityClassName: on\ncontainers: []"), { lane: "bulk" });
    assert.deepEqual(remarks, [{ line: 4, column: 22, message: "priorityClassName was that of true" }]);
  });
});

describe("what cannot be put in a lane", () => {
  it("is refused with its place", () => {
    assert.match(fault(""), /^1:1: expected something that makes pods \(Pod, .*CronJob\), found nothing$/);
    assert.match(
      fault("apiVersion: v1\nkind: Service\n---\napiVersion: v1\nkind: Secret\n"),
      /found Service, Secret$/,
    );
    assert.match(
      fault("a: 1"),
      /^1:1: expected a Kubernetes object with apiVersion and kind, found no apiVersion$/,
    );
    assert.match(
      fault(`${spec("containers: []")}---\njust text\n`),
      /^6:1: expected a Kubernetes object.*found "just text"$/,
    );
    assert.match(fault(spec("containers:\n- name: a\n  env: 3")), /^6:10: env: expected a list, found 3$/);
    assert.match(fault(spec("containers:\n- a: [")), /^\d+:\d+: not valid YAML: /);
    assert.match(
      fault("kind: {{ .Values.kind }}\n\tx"),
      /not valid YAML: .*a Helm template is a manifest once it is rendered/,
    );
    assert.match(fault("a: 1\na: 2\n"), /^2:1: not valid YAML: Map keys must be unique$/);
    assert.match(
      fault(spec("priorityClassName: system-node-critical\ncontainers: []")),
      /^4:22: .*the cluster's own/,
    );
  });

  it("are places that stand for others too", () => {
    const anchored = spec("containers:\n- &one { name: a }\n- *one");
    assert.match(fault(anchored), /^6:5: \*one stands in several places; write it out in this one$/);
    const selected = `apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    metadata: { labels: &app { app: a } }\n    spec: { containers: [] }\n  selector: { matchLabels: *app }\n`;
    assert.match(
      fault(selected),
      /^1:1: this file is written in a form that cannot be changed in place; where an anchor/,
    );
    const merged = `apiVersion: v1\nkind: List\nx: &base { resources: { limits: { cpu: 1 } } }\nitems:\n- apiVersion: v1\n  kind: Pod\n  spec:\n    containers:\n    - { <<: *base, name: a }\n`;
    assert.match(
      fault(merged),
      /^9:7: "resources" comes here by <<, from elsewhere; write it out in this map$/,
    );
  });
});

describe("any file", () => {
  let state = SEED;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
  const pick = <Value>(...values: readonly Value[]): Value => values[random(values.length)]!;

  const container = (): object => ({
    name: pick("a", "b"),
    ...pick({}, { image: "x:1" }, { command: ["sh", "-c", "one\ntwo\n"] }),
    ...pick({}, { env: [] }, { env: [{ name: "A", value: "1" }] }, { env: null }),
    ...pick<object>(
      {},
      { resources: {} },
      { resources: null },
      { resources: { requests: { cpu: "1" } } },
      { resources: { requests: {}, limits: { memory: "1Gi" } } },
    ),
    ...pick({}, { ports: [{ containerPort: 80 }] }),
  });

  const manifest = (): object => {
    const template = {
      ...pick(
        {},
        { metadata: null },
        { metadata: { labels: {} } },
        { metadata: { labels: { app: "a" }, name: "x" } },
      ),
      spec: {
        ...pick({}, { restartPolicy: "Never" }, { priorityClassName: "mine" }),
        containers: Array.from({ length: 1 + random(3) }, container),
        ...pick({}, { volumes: [{ name: "v", emptyDir: {} }] }),
      },
    };
    return pick<object>(
      { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "d" }, spec: { replicas: 2, template } },
      {
        apiVersion: "batch/v1",
        kind: "CronJob",
        spec: { jobTemplate: { spec: { template } }, schedule: "0 1 * * *" },
      },
      { apiVersion: "v1", kind: "Pod", ...template },
      {
        apiVersion: "v1",
        kind: "List",
        items: [
          { apiVersion: "v1", kind: "Pod", ...template },
          { apiVersion: "v1", kind: "Service" },
        ],
      },
      { apiVersion: "v1", kind: "ConfigMap", data: { on: "yes", text: "a\n\nb\n" } },
    );
  };

  let comments = 0;
  const comment = (): string => (random(4) === 0 ? ` comment ${++comments}` : "");

  const written = (value: object): string => {
    const document = new Document(value, { version: "1.1" });
    visit(document, {
      Collection: (_key, node, path) => {
        // Comments inside { } make lines that few people write.
        const inFlow = path.some((each) => (isMap(each) || isSeq(each)) && each.flow === true);
        if (inFlow || random(6) === 0) node.flow = true;
      },
      Pair: (_key, pair, path) => {
        const flow = path.some((each) => (isMap(each) || isSeq(each)) && each.flow === true);
        const said = comment();
        if (!flow && said !== "") (pair.key as { commentBefore?: string }).commentBefore = said;
      },
      Scalar: (key, node, path) => {
        const flow = path.some((each) => (isMap(each) || isSeq(each)) && each.flow === true);
        if (!flow && key === "value" && typeof node.value !== "string") node.comment = comment();
      },
    });
    return document.toString({ indentSeq: random(2) === 0, indent: pick(2, 4), lineWidth: 0 });
  };

  it(`becomes what its data becomes, keeps its comments, and is left alone the second time (seed ${SEED})`, () => {
    let changed = 0;
    for (let round = 0; round < 500; round++) {
      const values = Array.from({ length: 1 + random(3) }, manifest);
      values.push({ apiVersion: "v1", kind: "Pod", spec: { containers: [{ name: "last" }] } });
      let text = values.map(written).join("---\n");
      if (random(4) === 0) text = text.replaceAll("\n", "\r\n");
      const after = patched(text, "high");
      const read = (each: string): unknown[] =>
        (parseAllDocuments(each, { version: "1.1" }) as Document[]).map(
          (document) => document.toJS() as unknown,
        );
      assert.deepEqual(
        read(after),
        read(text).map((value) => manifestInLane(value, { lane: "high" }).manifest),
      );
      const said = (each: string): string[] => each.match(/comment \d+/g) ?? [];
      assert.deepEqual(said(after), said(text), `${text}\n=>\n${after}`);
      assert.equal(patched(after, "high"), after);
      // What goes is a class of before, or a line that something was put into.
      const gone = unifiedDiff(text, after, "x").match(/^-(?!-).*$/gm) ?? [];
      assert.deepEqual(
        gone.filter((line) => !/[{[]|priorityClassName|null|:\s*(?:#.*)?$/.test(line)),
        [],
      );
      if (after !== text) changed++;
    }
    assert.equal(changed, 500);
  });
});
