import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";
import { toast } from "../store/actions";
import { degraded, gateway, latencyMs, linkCalm, linkState } from "../store/link";
import { chat, shown } from "../store/opened";

/** Which gateway serves this tab, where the session is, how far away it all is, and what is amiss, in plain words. */
export function Status() {
  const online = useOnline();
  const here = shown.value;
  const amiss = degraded.value.map((name) => t.value.degraded[name] ?? name);
  const waits = linkCalm.value === "connecting" && gateway.value ? t.value.reconnecting : t.value[linkCalm.value];
  const link = linkCalm.value === "connected" ? gateway.value : online ? waits : t.value.offline;
  const figures = [
    here?.at ? `${t.value.position} ${here.at}` : "",
    linkState.value === "connected" && latencyMs.value !== null ? `${latencyMs.value} ms` : "",
    spent(),
  ];
  return (
    <div id="status" role="group" aria-label={t.value.state} data-state={linkState.value} class={amiss.length ? "degraded" : ""}>
      <span class={`lamp ${linkCalm.value}`} aria-hidden="true" /> <span role="status">{link}</span>
      {figures.filter(Boolean).map((it) => ` · ${it}`)}
      <span role="status">{amiss.map((words) => <b key={words}> · {words}</b>)}</span>
      {toast.value && <p id="toast" role="alert">{toast.value}</p>}
    </div>
  );
}

/** Tokens and cost of the messages of this chat that are loaded. */
function spent(): string {
  let [tokens, cost] = [0, 0];
  for (const it of shown.value?.messages.values() ?? []) if (it.chat === chat.value) ((tokens += it.tokens), (cost += it.cost ?? 0));
  return tokens ? `${tokens} ${t.value.tokens}${cost ? ` · $${cost.toFixed(2)}` : ""}` : "";
}

function useOnline(): boolean {
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const look = () => setOnline(navigator.onLine);
    addEventListener("online", look);
    addEventListener("offline", look);
    return () => (removeEventListener("online", look), removeEventListener("offline", look));
  }, []);
  return online;
}
