/** The token, asked for once; afterwards the browser holds a session that no script can read. */

import { signal } from "@preact/signals";
import type { Signal } from "@preact/signals";
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { signIn } from "./api.ts";
import { Dialog } from "./dialog.tsx";
import { unlock } from "./live.ts";

/** Whether the form is open. */
export const signingIn: Signal<boolean> = signal(false);

/** The form in a dialog. */
export function SignInDialog(): VNode | null {
  if (!signingIn.value) return null;
  const close = (): void => {
    signingIn.value = false;
  };
  return (
    <Dialog title="Sign in to act" onClose={close}>
      <SignInForm done={close} />
      <button type="button" onClick={close}>
        Cancel
      </button>
    </Dialog>
  );
}

/** The form alone, where nothing is shown before. */
export function SignInForm({ done }: { readonly done: () => void }): VNode {
  const [problem, setProblem] = useState("");
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const token = new FormData(form).get("token");
    try {
      await signIn(typeof token === "string" ? token : "");
      form.reset();
      await unlock();
      done();
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  return (
    // Before the script has come, who presses Enter sends nothing: else the token would stand in the address.
    <form method="dialog" onSubmit={(event) => void submit(event)}>
      <label>
        Admin token <small>gateway.adminToken of the policy</small>
        <input name="token" type="password" autocomplete="current-password" required autofocus />
      </label>
      <p class="problem" role="alert">
        {problem}
      </p>
      <button type="submit" class="primary">
        Sign in
      </button>
    </form>
  );
}
