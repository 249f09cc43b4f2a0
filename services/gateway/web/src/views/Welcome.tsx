import { useState } from "preact/hooks";
import { t } from "../i18n";
import { me, words } from "../store/actions";
import * as identity from "../store/identity";
import type { Failure } from "../store/link";

/** The first page: a name, or a token. */
export function Welcome() {
  const [byToken, setByToken] = useState(false);
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const enter = async (event: SubmitEvent) => {
    event.preventDefault();
    const given = (new FormData(event.target as HTMLFormElement).get("given") as string).trim();
    setBusy(true);
    try {
      me.value = await (byToken ? identity.enterWith(given) : identity.enter(given));
    } catch (problem) {
      setError(words({ ...(problem as Failure), code: (problem as Failure).code ?? 503, message: "" }));
      setBusy(false);
    }
  };
  const label = byToken ? t.value.token : t.value.yourName;
  return (
    <main class="welcome">
      <form onSubmit={(event) => void enter(event)}>
        <img src="/icon.svg" alt="" width="48" height="48" />
        <h1>{t.value.welcome}</h1>
        <p>{t.value.hello}</p>
        <label for="given">{label}</label>
        {byToken
          ? <input id="given" key="token" name="given" type="password" autocomplete="off" required autofocus />
          : <input id="given" key="name" name="given" autocomplete="nickname" maxLength={60} required autofocus />}
        {error && <p class="error" role="alert">{error}</p>}
        <button disabled={busy}>{t.value.comeIn}</button>
        <button type="button" class="link" onClick={() => setByToken(!byToken)}>{byToken ? t.value.asGuest : t.value.haveToken}</button>
      </form>
    </main>
  );
}
