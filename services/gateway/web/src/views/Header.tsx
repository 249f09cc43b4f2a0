import { t } from "../i18n";
import type { Chat } from "../model/types";
import { act, invite, newChat, say, switchChat } from "../store/actions";
import { chat, past, present, shown } from "../store/opened";
import { Agents } from "./Agents";
import { question, ask } from "./Dialog";
import { Choice, Menu } from "./Menu";
import { People, peopleOpen } from "./People";
import { drawer } from "./Sidebar";
import { save } from "./saving";
import { lookBack } from "./Timeline";

const FORMATS = ["md", "html", "json", "jsonl", "csv"];

export function Header() {
  const here = shown.value;
  const names = here ? [...here.people.values()] : [];
  return (
    <header>
      <button id="menu" type="button" class="icon" aria-label={t.value.showList} aria-controls="sidebar" aria-expanded={drawer.value} onClick={() => (drawer.value = !drawer.value)}>☰</button>
      <div class="headline">
        <h2 id="title">{here ? here.title || t.value.untitled : "Antiphon"}</h2>
        {names.length === 0 && (here || location.hash) && <span class="nobody">{"\u00a0"}</span>}
        {here && names.length > 0 && (
          <button id="people" type="button" class="link" aria-label={`${t.value.people}: ${names.map(({ name }) => name).join(", ")}`} onClick={() => (peopleOpen.value = true)}>
            {names.slice(0, 6).map(({ user, name }, place) => <span key={user} class={present.value.has(user) ? "person on" : "person"}>{place ? ", " : ""}{name}</span>)}
            {names.length > 6 && ` +${names.length - 6}`}
          </button>
        )}
      </div>
      {here && here.chats.size > 0 && <Chats chats={[...here.chats.values()].map(inWords)} />}
      {here && <button id="invite" type="button" class="quiet" onClick={() => void passOn()}>{t.value.invite}</button>}
      {here && (
        <Menu label={t.value.more} face="⋯">
          <Choice kind="narrow" onClick={() => void passOn()}>{t.value.invite}</Choice>
          <Agents />
          <Choice onClick={lookBack}>{t.value.timeline}</Choice>
          <p>{t.value.exportAs}</p>
          {FORMATS.map((format) => <Choice key={format} onClick={() => void save(here.id, format, past.value?.at)}>{format.toUpperCase()}</Choice>)}
        </Menu>
      )}
      {peopleOpen.value && here && <People />}
    </header>
  );
}

function nameOf(it: Chat): string {
  return it.name || `${kindOf(it)} ${it.id.slice(-4)}`;
}

function kindOf(it: Chat): string {
  return t.value.kinds[it.type] ?? it.type;
}

function Chats({ chats }: { chats: Chat[] }) {
  const here = chats.find(({ id }) => id === chat.value) ?? chats[0]!;
  const rename = () => ask(t.value.newTitle, here.name, (name) => void act("chat.rename", { chat_id: here.id, name }));
  return (
    <Menu label={`${t.value.chats}: ${nameOf(here)}`} face={<span class="chat-name">{nameOf(here)} ▾</span>}>
      {chats.map((it) => (
        <Choice key={it.id} on={it.id === here.id} onClick={() => void switchChat(it.id)}>
          {it.name || kindOf(it)} <small>{[it.name && kindOf(it), it.id.slice(-4), `${t.value.messages}: ${it.count}`].filter(Boolean).join(" · ")}</small>
        </Choice>
      ))}
      <hr />
      <Choice onClick={rename}>{t.value.rename}</Choice>
      <Choice onClick={() => void newChat()}>{t.value.newChat}</Choice>
    </Menu>
  );
}

async function passOn(): Promise<void> {
  const address = await invite();
  if (!address) return;
  const show = () => (question.value = { title: t.value.inviteLink, value: address, readOnly: true, done: () => undefined });
  await Promise.resolve(navigator.clipboard?.writeText(address) ?? Promise.reject()).then(() => say(t.value.invited), show);
}

/** The chat, with a name that nobody chose in the reader's language. */
function inWords(it: Chat): Chat {
  return { ...it, name: t.value.chatNames[it.name] ?? it.name };
}
