/** The reference of the command line: the help of each command, as the program prints it. */

import { runProgram } from "../src/cli/program.ts";
import type { SitePage } from "./docs-pages.ts";

/** The pages that say more of a command than its help. */
const MORE: Readonly<Record<string, string>> = {
  gateway: "../guides/gateway.md",
  top: "./top.md",
  override: "./top.md",
  check: "./policy.md",
  explain: "../guides/protect-an-http-service.md",
  run: "./run.md",
  doctor: "./doctor.md",
  postgres: "./postgres.md",
  network: "./network.md",
  alerts: "./metrics.md",
  kubernetes: "./kubernetes.md",
  simulate: "./simulate.md",
  advise: "./simulate.md",
  verify: "./verify.md",
};

/** The page of all commands. `titles` says which pages there are. */
export async function commandsPage(titles: ReadonlyMap<string, string>): Promise<SitePage> {
  const root = await helpOf([]);
  const names = [...(/^Commands:\n([^]*)/m.exec(root)?.[1] ?? "").matchAll(/^ {2}([a-z]\S*)/gm)].map(
    ([, name = ""]) => name,
  );
  const sections: string[] = [];
  for (const name of names) sections.push(section(name, await helpOf([name]), titles));
  const text = `# Commands

\`npx laneway\` and one of these. What each prints with \`--help\` is below; \`--no-color\`, or \`NO_COLOR=1\`, prints without
colour, and \`--json\`, where there is one, prints for programs. A command ends with 0 when all is well, with 2 when its
line makes no sense, and with 4 for a policy that is not valid.

\`\`\`text
${root.trimEnd()}
\`\`\`

${sections.join("\n\n")}
`;
  return { path: "reference/commands.md", from: "src/cli/program.ts", text };
}

function section(name: string, help: string, titles: ReadonlyMap<string, string>): string {
  const [usage = "", summary = "", ...rest] = help.trimEnd().split("\n\n");
  const more = MORE[name];
  const page = more?.replace("../", "").replace("./", "reference/");
  const link =
    more !== undefined && titles.has(page ?? "") ? ` More in [${titles.get(page!)}](${more}).` : "";
  const said = summary[0]!.toUpperCase() + summary.slice(1);
  return `## ${name}\n\n${said}.${link}\n\n\`\`\`text\n${[usage, ...rest].join("\n\n")}\n\`\`\``;
}

/** What the program writes; it writes to this process's own output, which is listened to meanwhile. */
async function helpOf(words: readonly string[]): Promise<string> {
  const write = process.stdout.write.bind(process.stdout);
  let text = "";
  process.stdout.write = (chunk: string | Uint8Array): boolean => {
    text += String(chunk);
    return true;
  };
  try {
    const code = await runProgram([...words, "--help"], "");
    if (code !== 0) throw new Error(`laneway ${words.join(" ")} --help ended with ${code}`);
  } finally {
    process.stdout.write = write;
  }
  return text;
}
