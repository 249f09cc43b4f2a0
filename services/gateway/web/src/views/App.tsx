import { useEffect } from "preact/hooks";
import { t } from "../i18n";
import { arrive, decided, giveUp, me, refused, words } from "../store/actions";
import * as identity from "../store/identity";
import { connect, linkState } from "../store/link";
import { problem, state } from "../store/opened";
import * as outbox from "../store/outbox";
import { load } from "./Agents";
import { Composer } from "./Composer";
import { DoubtDialog, QuestionDialog } from "./Dialog";
import { Header } from "./Header";
import { MessageList } from "./MessageList";
import { Sidebar, closeDrawer, drawer } from "./Sidebar";
import { Status } from "./Status";
import { Timeline } from "./Timeline";
import { TrackDialog } from "./Track";
import { Welcome } from "./Welcome";
import { keepReceipts } from "../store/reading";

const GONE = { code: 410, message: "" };

export function App() {
  return me.value ? <Page /> : <Welcome />;
}

function Page() {
  useEffect(() => {
    connect();
    identity.whenGone(me.value!.user, () => location.replace("/"));
    void outbox.start(me.value!.user, decided).then(arrive).catch(refused);
    void load();
    const onKey = (event: KeyboardEvent) => event.key === "Escape" && closeDrawer();
    const onHash = () => void arrive().catch(refused);
    document.addEventListener("keydown", onKey);
    addEventListener("hashchange", onHash);
    return keepReceipts();
  }, []);
  const title = state.value?.title;
  useEffect(() => void (document.title = title ? `${title} · Antiphon` : "Antiphon"), [title]);
  return (
    <>
      <Sidebar />
      {drawer.value && <div class="shade" onClick={closeDrawer} />}
      <main inert={drawer.value}>
        <Header />
        {state.value && (problem.value || state.value.deleted) && <p class="problem" role="alert">{words(problem.value ?? GONE)}</p>}
        {outbox.waiting.value.filter((it) => it.method === "session.create" && it.refused).map((it) => <Unmade key={it.id} command={it} />)}
        {linkState.value === "disconnected" && <p class="problem" role="alert">{t.value.disconnected} <button type="button" class="link" onClick={() => location.reload()}>{t.value.retry}</button></p>}
        <MessageList />
        <Timeline />
        <Composer />
        <Status />
      </main>
      <TrackDialog />
      <QuestionDialog />
      <DoubtDialog />
    </>
  );
}

/** A session that the gateway would not make. */
function Unmade({ command }: { command: outbox.Command }) {
  const [code, ...message] = command.refused!.split(" ");
  return (
    <p class="problem" role="alert">{command.data["title"] as string || t.value.untitled}: {words({ code: +code!, message: message.join(" ") })}{" "}
      <button type="button" class="link" onClick={() => void outbox.retry(command.id)}>{t.value.retry}</button>{" "}
      <button type="button" class="link" onClick={() => giveUp(command)}>{t.value.discard}</button>
    </p>
  );
}
