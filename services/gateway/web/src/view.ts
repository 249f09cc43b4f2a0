/** Puts a conversation on the page. Text goes in as text, never as markup. */
import type { Conversation, Message } from "./conversation";

export const $ = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;

const NEAR_END_PX = 80;
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export interface Summary {
  session_id: string;
  title: string;
}

/** Shows the messages in order, reusing what is there; follows the end unless the reader has scrolled away from it. */
export function showMessages(conversation: Conversation, me: string): void {
  const scroll = $("scroll");
  const list = $("messages");
  const follows = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_END_PX;
  const messages = conversation.messages;
  const kept = new Set(messages.map(({ id }) => id));
  for (const item of [...list.children]) if (!kept.has((item as HTMLElement).dataset["id"]!)) item.remove();
  messages.forEach((message, place) => {
    const present = list.querySelector<HTMLElement>(`:scope > [data-id="${CSS.escape(message.id)}"]`);
    const item = present ?? newItem(message.id);
    if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
    fill(item, message, message.author === me && message.role === "user");
  });
  $("empty").hidden = messages.length > 0;
  $("empty").textContent = "Nothing has been said here yet.";
  if (follows) scroll.scrollTop = scroll.scrollHeight;
}

export function showHeader(conversation: Conversation): void {
  $("title").textContent = conversation.title || "Conversation";
  document.title = `${conversation.title || "Conversation"} · Antiphon`;
  $("people").textContent = [...conversation.people.values()].join(", ");
}

export function showSessions(sessions: Summary[], open: string, choose: (id: string) => void): void {
  $("sessions").replaceChildren(
    ...sessions.map(({ session_id, title }) => {
      const item = document.createElement("li");
      const button = item.appendChild(document.createElement("button"));
      button.type = "button";
      button.textContent = title || "Conversation";
      button.addEventListener("click", () => choose(session_id));
      if (session_id === open) button.setAttribute("aria-current", "true");
      return item;
    }),
  );
}

export function showSidebar(open: boolean): void {
  $("sidebar").classList.toggle("open", open);
  $("menu").setAttribute("aria-expanded", String(open));
}

function newItem(id: string): HTMLElement {
  const item = document.createElement("li");
  item.dataset["id"] = id;
  for (const part of ["who", "text", "note"]) item.appendChild(document.createElement("div")).className = part;
  item.firstElementChild!.append(document.createElement("b"), document.createElement("time"));
  return item;
}

function fill(item: HTMLElement, message: Message, mine: boolean): void {
  item.className = `message ${message.role} ${message.state}${mine ? " mine" : ""}`;
  write(item.querySelector("b")!, mine ? "You" : message.name);
  write(item.querySelector("time")!, ` ${clock.format(new Date(message.time))}`);
  write(item.querySelector(".text")!, message.text);
  write(item.querySelector(".note")!, message.state === "pending" ? message.note || "sending" : message.note);
}

function write(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
