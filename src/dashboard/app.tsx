/** The frame around the views: where you are, whether the news is fresh, and what is not as the file says. */

import type { VNode } from "preact";
import { ChangeDialog, notice } from "./change.tsx";
import { Dialog } from "./dialog.tsx";
import { helping, KEYS, keysOn } from "./keys.ts";
import { LanesView } from "./lanes.tsx";
import { connection, locked, paused, shown, signedIn, silentSeconds, togglePause } from "./live.ts";
import { PolicyView } from "./policy.tsx";
import { RequestsView } from "./requests.tsx";
import { ResourcesView } from "./resources.tsx";
import { addressOf, route, VIEWS } from "./route.ts";
import type { View } from "./route.ts";
import { SignInDialog, SignInForm, signingIn } from "./sign-in.tsx";
import { Pill } from "./table.tsx";
import { clock } from "./words.ts";

const TITLES: Readonly<Record<View, string>> = {
  lanes: "Lanes",
  resources: "Resources",
  requests: "Requests",
  policy: "Policy",
};

const SHOWN: Readonly<Record<View, () => VNode>> = {
  lanes: LanesView,
  resources: ResourcesView,
  requests: RequestsView,
  policy: PolicyView,
};

/** The whole page. */
export function App(): VNode {
  if (locked.value) return <Locked />;
  const { view } = route.value;
  const Shown = SHOWN[view];
  return (
    <>
      <Header view={view} />
      <Banners />
      <main id="main" tabIndex={-1}>
        <h1 class="for-readers">{TITLES[view]}</h1>
        <Shown />
      </main>
      <footer>
        <p role="status">{notice.value}</p>
        <p class="quiet">
          Laneway {shown.value.state?.version}{" "}
          <button type="button" class="link" onClick={() => (helping.value = true)}>
            Keys <kbd>?</kbd>
          </button>
        </p>
      </footer>
      <SignInDialog />
      <ChangeDialog />
      <Help />
    </>
  );
}

function Locked(): VNode {
  return (
    <main class="locked">
      <h1>Laneway</h1>
      <p>Others can reach this port, so looking takes the token as well.</p>
      <SignInForm done={() => undefined} />
    </main>
  );
}

function Header({ view }: { readonly view: View }): VNode {
  const { state } = shown.value;
  return (
    <header class="top">
      <a class="brand" href={addressOf("lanes")}>
        Laneway
      </a>
      <nav aria-label="Views">
        {VIEWS.map((one) => (
          <a key={one} href={addressOf(one)} aria-current={one === view ? "page" : undefined}>
            {TITLES[one]}
            {one === "policy" && (state?.overrides.length ?? 0) > 0 ? (
              <Pill warn>{state?.overrides.length}</Pill>
            ) : null}
          </a>
        ))}
      </nav>
      <Freshness />
      <button type="button" class="small" aria-pressed={paused.value} onClick={togglePause}>
        {paused.value ? "Go on" : "Pause updates"}
      </button>
      {state?.actions !== true ? (
        <span class="quiet">read-only</span>
      ) : signedIn.value ? (
        <span class="quiet">signed in</span>
      ) : (
        <button type="button" class="small" onClick={() => (signingIn.value = true)}>
          Sign in
        </button>
      )}
    </header>
  );
}

function Freshness(): VNode {
  const silent = silentSeconds.value;
  const lost = connection.value === "lost" || silent > 0;
  if (paused.value)
    return <span class="fresh held">held at {clock(shown.value.ticks.at(-1)?.at ?? Date.now())}</span>;
  return (
    <span class={`fresh ${lost ? "stale" : "live"}`}>
      {lost ? `no news${silent > 0 ? ` for ${silent} s` : ""}, trying again` : "live"}
    </span>
  );
}

function Banners(): VNode | null {
  const { state } = shown.value;
  if (state === null) return null;
  return (
    <>
      {state.enforced ? null : (
        <p class="banner" role="note">
          <b>Shadow mode.</b> Everything is decided, counted and explained, and nothing is held back. To
          enforce it: <code>enforce: true</code> in {state.file ?? "the policy"}.
        </p>
      )}
      {state.refusedEdit === null ? null : (
        <div class="banner bad" role="note">
          <b>The last edit of the policy was refused; the one before it is in force.</b>
          <pre>{state.refusedEdit}</pre>
        </div>
      )}
    </>
  );
}

function Help(): VNode | null {
  if (!helping.value) return null;
  const close = (): void => {
    helping.value = false;
  };
  return (
    <Dialog title="Keys" onClose={close}>
      <dl class="keys">
        {KEYS.map(([keys, does]) => (
          <div key={keys}>
            <dt>
              {keys.split(" ").map((one) => (
                <kbd key={one}>{one}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <label class="choice">
        <input
          type="checkbox"
          checked={keysOn.value}
          onChange={(event) => (keysOn.value = event.currentTarget.checked)}
        />
        <span>Single keys do something</span>
      </label>
      <button type="button" onClick={close}>
        Close
      </button>
    </Dialog>
  );
}
