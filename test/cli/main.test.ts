import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { laneway } from "./command.ts";

describe("laneway", () => {
  it("alone prints its help, which fits a screen", async () => {
    const { code, out, err } = await laneway([]);
    assert.deepEqual([code, err], [0, ""]);
    for (const command of ["demo", "gateway", "check", "explain", "run", "doctor", "postgres"])
      assert.match(out, new RegExp(`^ {2}${command} `, "m"));
    const lines = out.split("\n");
    assert.ok(lines.length <= 24, String(lines.length));
    for (const line of lines) assert.ok(line.length <= 80, line);
    assert.equal((await laneway(["--help"])).out, out);
    assert.equal((await laneway(["help"])).out, out);
  });

  it("prints its version", async () => {
    const { version } = JSON.parse(
      await readFile(new URL("../../package.json", import.meta.url), "utf8"),
    ) as { version: string };
    assert.deepEqual(await laneway(["--version"]), { code: 0, out: `${version}\n`, err: "" });
  });

  it("suggests the command that was meant, and ends with 2", async () => {
    const { code, out, err } = await laneway(["chekc"]);
    assert.deepEqual([code, out], [2, ""]);
    assert.equal(
      err,
      "error: unknown command 'chekc'\n(Did you mean check?)\n(laneway --help lists the commands and options)\n",
    );
  });

  for (const command of ["demo", "gateway", "check", "explain", "run", "doctor", "postgres"]) {
    it(`prints the help of ${command}`, async () => {
      const { code, out, err } = await laneway([command, "--help"]);
      assert.deepEqual([code, err], [0, ""]);
      assert.match(out, new RegExp(`^Usage: laneway ${command} `));
      for (const line of out.split("\n")) assert.ok(line.length <= 80, line);
    });
  }

  it("refuses options that make no sense, with 2", async () => {
    for (const args of [
      ["demo", "--seconds", "soon"],
      ["gateway", "--provider", "other"],
      ["check", "--format", "xml"],
      ["--wrong"],
    ]) {
      assert.equal((await laneway(args)).code, 2, args.join(" "));
    }
  });
});
