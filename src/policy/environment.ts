/** `${VAR}`, `${VAR:-default}` and `${VAR:?message}`, filled in on values that are already parsed: never on text. */

/** Variables by name, as `process.env` holds them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A filled-in value with the variable it came from, or why it cannot be filled in. */
export type Filled =
  | { readonly text: string; readonly variable: string | undefined }
  | { readonly problem: string; readonly hint?: string };

const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([-?])([^{}]*))?\}/g;
const WHOLE = /^["']?\$\{[A-Za-z_][A-Za-z0-9_]*(?::\?[^{}]*)?\}["']?$/;

/**
 * Fills in every variable of `value`. As in a shell, the `:` forms take an empty variable for one that is not set.
 * `variable` is the first one that really came from the environment: a default that stands in the file is no secret.
 */
export function fillVariables(value: string, environment: Environment): Filled {
  let variable: string | undefined;
  let problem: { problem: string; hint?: string } | undefined;
  const text = value.replaceAll(
    VARIABLE,
    (_whole, name: string, form: string | undefined, rest: string | undefined) => {
      const found = environment[name];
      if (found !== undefined && (form === undefined || found !== "")) {
        variable ??= name;
        return found;
      }
      if (form === "-") return rest ?? "";
      const hint = `set it, or give a default: \${${name}:-value}`;
      problem ??=
        form === "?" && rest
          ? { problem: `\${${name}}: ${rest}` }
          : { problem: `the environment variable ${name} is not set`, hint };
      return "";
    },
  );
  if (problem !== undefined) return problem;
  if (value.replaceAll(VARIABLE, "").includes("${")) {
    return { problem: "expected ${NAME}, ${NAME:-default} or ${NAME:?message} here" };
  }
  return { text, variable };
}

/** Whether a piece of source text is nothing but a reference, which tells nobody the value. */
export function isVariable(source: string): boolean {
  return WHOLE.test(source);
}
