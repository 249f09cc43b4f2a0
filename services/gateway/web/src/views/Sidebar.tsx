import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { clock, t } from "../i18n";
import { plain } from "../model/plain";
import type { Summary } from "../model/types";
import { manage, me } from "../store/actions";
import { close, open, state } from "../store/opened";
import { further, goesOn, listed, look, query, sessions, undoable, withArchived } from "../store/sessions";
import { writeAgain } from "./Composer";
import { ask } from "./Dialog";
import { Choice, Menu } from "./Menu";
import { Settings } from "./Settings";
import { planning } from "./Track";

export const drawer = signal(false); // on a narrow screen: whether the list lies over the messages
matchMedia("(min-width: 46rem)").addEventListener("change", () => (drawer.value = false));

/** The list is away, and the focus is at the button that shows it. */
export function closeDrawer(): void {
  if (!drawer.value) return;
  drawer.value = false;
  requestAnimationFrame(() => document.getElementById("menu")?.focus());
}

export function Sidebar() {
  const search = (text: string) => ((query.value = text), look());
  const none = listed.value && !sessions.value.length;
  useEffect(() => void (drawer.value && document.getElementById("new")?.focus()), [drawer.value]);
  return (
    <aside id="sidebar" class={drawer.value ? "open" : ""} aria-label={t.value.conversations}>
      <h1><img src="/icon.svg" alt="" width="26" height="26" /> Antiphon</h1>
      <button id="new" type="button" onClick={startAnew}>{t.value.newConversation}</button>
      <button type="button" class="quiet" onClick={() => (planning.value = true)}>{t.value.newTrack}</button>
      <input type="search" placeholder={t.value.search} aria-label={t.value.search} value={query.value} onInput={(event) => search(event.currentTarget.value)} />
      <nav aria-label={t.value.conversations}>
        <ul id="sessions">{sessions.value.map((it) => <Entry key={it.session_id} session={it} />)}</ul>
        {goesOn.value && <button type="button" class="quiet further" onClick={further}>{t.value.more}</button>}
        {none && <p class="hint">{query.value ? t.value.nothingFound : t.value.noSessions}</p>}
      </nav>
      {undoable.value && (
        <p class="undo" role="status">{t.value.deleted} <button type="button" class="link" onClick={() => void manage("session.restore", undoable.value!)}>{t.value.restore}</button></p>
      )}
      <label class="check"><input type="checkbox" checked={withArchived.value} onChange={(event) => ((withArchived.value = event.currentTarget.checked), look())} /> {t.value.showArchived}</label>
      <div id="me" class="row"><span class="name">{me.value!.name}</span><Settings /></div>
    </aside>
  );
}

function Entry({ session }: { session: Summary }) {
  const isOpen = state.value?.id === session.session_id;
  const title = session.title || t.value.untitled;
  const unread = isOpen ? 0 : session.unread;
  const enter = () => ((drawer.value = false), open(session.session_id));
  const rename = () => ask(t.value.newTitle, session.title, (text) => void manage("session.rename", session, { title: text }));
  const owned = session.owner === me.value!.user;
  return (
    <li class={session.archived_at ? "archived" : ""}>
      <button type="button" class="entry" aria-current={isOpen ? "true" : undefined} onClick={enter}>
        <span class="row"><b>{title}</b><time>{clock(session.last_activity)}</time></span>
        <span class="row"><span class="last">{session.last_message ? plain(session.last_message.content) : ""}</span>
          {unread > 0 && <span class="unread" role="img" aria-label={`${t.value.unread}: ${unread}`}>{unread > 99 ? "99+" : unread}</span>}</span>
      </button>
      <Menu label={`${t.value.more}: ${title}`} face="⋯">
        <Choice onClick={rename}>{t.value.rename}</Choice>
        {session.archived_at
          ? <Choice onClick={() => void manage("session.unarchive", session)}>{t.value.unarchive}</Choice>
          : <Choice onClick={() => void manage("session.archive", session)}>{t.value.archive}</Choice>}
        {owned
          ? <Choice kind="bad" onClick={() => void manage("session.delete", session)}>{t.value.delete}</Choice>
          : <Choice kind="bad" onClick={() => void manage("session.leave", session)}>{t.value.goAway}</Choice>}
      </Menu>
    </li>
  );
}

function startAnew(): void {
  drawer.value = false;
  close();
  writeAgain();
}
