import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { Laneway } from "../../src/policy/laneway.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { PolicyError } from "../../src/policy/problems.ts";

/** What a watching Laneway tells, one thing at a time. */
class Told {
  readonly #waiting: ((told: Policy | Error) => void)[] = [];
  readonly #kept: (Policy | Error)[] = [];

  tell(told: Policy | Error): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#kept.push(told);
    else waiter(told);
  }

  /** Node's own time-out of the test is the bound. */
  next(): Promise<Policy | Error> {
    const kept = this.#kept.shift();
    return kept === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(kept);
  }

  get unread(): number {
    return this.#kept.length;
  }
}

const policy = (limit: number): string => `resources: { db: { limit: ${limit} } }\n`;

async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "laneway-reload-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

async function watching(t: TestContext, file: string): Promise<{ laneway: Laneway; told: Told }> {
  const told = new Told();
  const laneway = await Laneway.fromFile(file, {
    watch: true,
    onReload: (edited) => told.tell(edited),
    onReloadError: (error) => told.tell(error),
  });
  // Unreferenced timers alone would let the test process end before the edit is seen.
  const alive = setInterval(() => {}, 1_000);
  t.after(() => {
    laneway.close();
    clearInterval(alive);
  });
  return { laneway, told };
}

function limitOf(told: Policy | Error): unknown {
  assert.ok(!(told instanceof Error), told instanceof Error ? told.message : "");
  return told.resources["db"]!.limit;
}

describe("a watched policy file", { timeout: 20_000 }, () => {
  it("is in force again after each edit in place", async (t) => {
    const file = join(await folderFor(t), "laneway.yaml");
    await writeFile(file, policy(1));
    const { laneway, told } = await watching(t, file);
    for (const limit of [2, 3]) {
      await writeFile(file, policy(limit));
      assert.equal(limitOf(await told.next()), limit);
      assert.equal(laneway.resource("db").snapshot().limit, limit);
    }
  });

  it("is seen when another file is put over it, again and again", async (t) => {
    const folder = await folderFor(t);
    const file = join(folder, "laneway.yaml");
    await writeFile(file, policy(1));
    const { told } = await watching(t, file);
    for (const limit of [2, 3]) {
      await writeFile(join(folder, ".new"), policy(limit));
      await rename(join(folder, ".new"), file);
      assert.equal(limitOf(await told.next()), limit);
    }
  });

  it("is seen when a symbolic link of its folder is swapped, as a ConfigMap does, again and again", async (t) => {
    const folder = await folderFor(t);
    const put = async (version: number): Promise<void> => {
      await mkdir(join(folder, `..v${version}`));
      await writeFile(join(folder, `..v${version}`, "laneway.yaml"), policy(version));
      await symlink(`..v${version}`, join(folder, "..data_tmp"));
      await rename(join(folder, "..data_tmp"), join(folder, "..data"));
      if (version > 1) await rm(join(folder, `..v${version - 1}`), { recursive: true });
    };
    await put(1);
    await symlink(join("..data", "laneway.yaml"), join(folder, "laneway.yaml"));
    const { told } = await watching(t, join(folder, "laneway.yaml"));
    for (const version of [2, 3, 4]) {
      await put(version);
      assert.equal(limitOf(await told.next()), version);
    }
  });

  it("is seen when it is a link into another folder, which no watch of its own folder hears of", async (t) => {
    const [folder, elsewhere] = [await folderFor(t), await folderFor(t)];
    await writeFile(join(elsewhere, "real.yaml"), policy(1));
    await symlink(join(elsewhere, "real.yaml"), join(folder, "laneway.yaml"));
    const { told } = await watching(t, join(folder, "laneway.yaml"));
    for (const limit of [2, 3]) {
      await writeFile(join(elsewhere, "real.yaml"), policy(limit));
      assert.equal(limitOf(await told.next()), limit);
    }
  });

  it("keeps the old policy after a bad edit, tells what is wrong, and takes the next good one", async (t) => {
    const file = join(await folderFor(t), "laneway.yaml");
    await writeFile(file, policy(1));
    const { laneway, told } = await watching(t, file);
    await writeFile(file, "resources: { db: { limit: many } }");
    const error = await told.next();
    assert.ok(error instanceof PolicyError);
    assert.match(error.message, /laneway\.yaml:1:27: resources\.db\.limit: expected a whole number/);
    assert.equal(laneway.resource("db").snapshot().limit, 1);
    await writeFile(file, policy(2));
    assert.equal(limitOf(await told.next()), 2);
  });

  it("keeps the policy when it goes away, says so once, and is found again", async (t) => {
    const file = join(await folderFor(t), "laneway.yaml");
    await writeFile(file, policy(1));
    const { laneway, told } = await watching(t, file);
    await unlink(file);
    const error = await told.next();
    assert.ok(error instanceof Error && "code" in error && error.code === "ENOENT");
    assert.equal(laneway.resource("db").snapshot().limit, 1);
    // Something else happens in the folder, and is seen by a watch of its own: so the first has looked again by now.
    await writeFile(`${file}.other`, policy(1));
    const other = await watching(t, `${file}.other`);
    await writeFile(`${file}.other`, policy(2));
    await other.told.next();
    assert.equal(told.unread, 0);
    await writeFile(file, policy(2));
    assert.equal(limitOf(await told.next()), 2);
    assert.equal(told.unread, 0);
  });

  it("is not read again when its content is the same", async (t) => {
    const file = join(await folderFor(t), "laneway.yaml");
    await writeFile(file, policy(1));
    const { told } = await watching(t, file);
    await writeFile(file, policy(1));
    await writeFile(`${file}.other`, policy(9));
    await writeFile(file, policy(2));
    assert.equal(limitOf(await told.next()), 2);
    assert.equal(told.unread, 0);
  });

  it("is seen in a folder where something else is always written", async (t) => {
    const folder = await folderFor(t);
    const file = join(folder, "laneway.yaml");
    await writeFile(file, policy(1));
    const { told } = await watching(t, file);
    let writes = 0;
    const noise = setInterval(() => writeFileSync(join(folder, "noise"), String(writes++)), 5);
    try {
      await writeFile(file, policy(2));
      assert.equal(limitOf(await told.next()), 2);
    } finally {
      // Before the folder goes, which is the first thing that happens after the test.
      clearInterval(noise);
    }
  });

  it("drops no waiter", async (t) => {
    const file = join(await folderFor(t), "laneway.yaml");
    await writeFile(file, policy(1));
    const { laneway, told } = await watching(t, file);
    const { promise, resolve } = Promise.withResolvers<void>();
    const tasks = [1, 2, 3].map((each) => laneway.resource("db").run(() => promise.then(() => each)));
    assert.equal(laneway.resource("db").snapshot().waiting, 2);
    await writeFile(file, policy(3));
    await told.next();
    assert.equal(laneway.resource("db").snapshot().waiting, 0);
    resolve();
    assert.deepEqual(await Promise.all(tasks), [1, 2, 3]);
  });

  it("warns of a bad edit where nobody listens for it", async (t) => {
    const file = join(await folderFor(t), "laneway.yaml");
    await writeFile(file, policy(1));
    const alive = setInterval(() => {}, 1_000);
    const laneway = await Laneway.fromFile(file, { watch: true });
    t.after(() => {
      laneway.close();
      clearInterval(alive);
    });
    const warned = once(process, "warning");
    await writeFile(file, "version: 2");
    const [warning] = (await warned) as [Error];
    assert.equal(warning.name, "LanewayPolicyWarning");
    assert.match(warning.message, /^the old policy stays in force: .*version: expected 1, found 2/);
  });

  it("does not keep the process alive", async (t) => {
    const file = join(await folderFor(t), "laneway.yaml");
    await writeFile(file, policy(1));
    const module = new URL("../../src/policy/laneway.ts", import.meta.url).href;
    const program = `import { Laneway } from ${JSON.stringify(module)};
      await Laneway.fromFile(${JSON.stringify(file)}, { watch: true });`;
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
      stdio: "inherit",
      env,
    });
    t.after(() => child.kill());
    assert.deepEqual(await once(child, "exit"), [0, null]);
  });
});

it("a file that is not watched is read once, and refused when it is wrong", async (t) => {
  const file = join(await folderFor(t), "laneway.yaml");
  await writeFile(file, policy(7));
  assert.equal((await Laneway.fromFile(file)).resource("db").snapshot().limit, 7);
  await writeFile(file, "version: 2");
  await assert.rejects(Laneway.fromFile(file), PolicyError);
  await assert.rejects(Laneway.fromFile(`${file}.none`), { code: "ENOENT" });
});
