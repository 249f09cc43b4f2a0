/** The page: enters, lists, opens, sends. Everything shown comes from the log; nothing is kept here but the token. */
import { Conversation, type Envelope, type Snapshot } from "./conversation";
import * as guest from "./guest";
import { uuid7 } from "./ids";
import { type Failure, Link, type LinkState } from "./link";
import { $, showHeader, showMessages, showSessions, showSidebar, type Summary } from "./view";

const TYPING_EVERY_MS = 2000;
const TYPING_SHOWN_MS = 4000;

let me = guest.known();
let open: Conversation | null = null;
let sessions: Summary[] = [];
let linkState: LinkState = "connecting";
let linkText = "connecting";
let frame = 0;
let typedAt = 0;
let typingTimer = 0;

function draw(): void {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    if (open) showMessages(open, me!.user);
    if (open) showHeader(open);
    const degraded = open?.degraded.length ? ` · without ${open.degraded.join(", ")} for now` : "";
    $("status").dataset["state"] = linkState;
    $("status").textContent = `${linkText}${open?.position ? ` · position ${open.position}` : ""}${degraded}`;
  });
}

function say(text: string): void {
  $("typing").textContent = text;
  clearTimeout(typingTimer);
  typingTimer = window.setTimeout(() => ($("typing").textContent = ""), TYPING_SHOWN_MS);
}

const refused = (error: unknown): void => say((error as Failure).message);

function start(): void {
  const link = new Link((state, text) => {
    [linkState, linkText] = [state, text];
    if (state === "disconnected" && !guest.token()) location.reload();
    draw();
  });

  async function list(): Promise<void> {
    const answer = await link.call<{ sessions: Summary[] }>("session.list", { limit: 100 });
    sessions = answer.sessions;
    showSessions(sessions, open?.id ?? "", enter);
  }

  function enter(id: string): void {
    showSidebar(false);
    if (open?.id === id) return;
    for (const old of Object.values(link.client.subscriptions())) link.client.removeSubscription(old);
    const here = (open = new Conversation(id));
    history.replaceState(null, "", `#session=${id}`);
    $("messages").replaceChildren();
    for (const control of ["text", "send", "invite"]) $<HTMLButtonElement>(control).disabled = false;
    showSessions(sessions, id, enter);
    const subscription = link.client.newSubscription(`session:${id}`, { recoverable: true, positioned: true });
    subscription.on("subscribed", ({ data }) => {
      if (data) here.load(data as Snapshot);
      draw();
    });
    subscription.on("publication", ({ data, offset }) => {
      if (offset) here.apply(data as Envelope, offset);
      if (offset && data.type.startsWith("message.posted")) say("");
      if (data.type === "reply.delta") here.chunk(data);
      else if (data.type === "typing" && data.user !== me!.user) say(`${here.people.get(data.user) ?? "Somebody"} is writing …`);
      draw();
    });
    subscription.on("unsubscribed", ({ reason }) => open === here && say(`This conversation can't be opened: ${reason}`));
    subscription.subscribe();
    $("text").focus();
  }

  async function create(): Promise<void> {
    const id = uuid7();
    const title = new Date().toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
    await link.call("session.create", { id, session_id: id, title });
    enter(id);
    await list();
  }

  async function send(): Promise<void> {
    const box = $<HTMLTextAreaElement>("text");
    const content = box.value.trim();
    if (!content || !open) return;
    const [here, id] = [open, uuid7()];
    const message = here.pending(id, me!.user, me!.name, content);
    box.value = "";
    $("scroll").scrollTop = $("scroll").scrollHeight;
    draw();
    const command = { id, session_id: here.id, content, reply: $<HTMLInputElement>("ask").checked };
    await link.call("message.send", command).catch((error: Failure) => {
      Object.assign(message, { state: "failed", note: `Not sent: ${error.message}` });
      draw();
    });
  }

  async function invite(): Promise<void> {
    const answer = await link.call<{ invite: string }>("session.invite", { id: uuid7(), session_id: open!.id });
    const address = `${location.origin}/#join=${answer.invite}`;
    await navigator.clipboard.writeText(address).then(() => say("The invite link is in the clipboard."), () => prompt("Invite link", address));
  }

  async function follow(): Promise<void> {
    const wanted = new URLSearchParams(location.hash.slice(1));
    const token = wanted.get("join");
    const joined = token && (await link.call<{ session_id: string }>("session.join", { id: uuid7(), invite: token }));
    const id = joined ? joined.session_id : wanted.get("session");
    if (id) enter(id);
    await list();
  }

  $("new").addEventListener("click", () => void create().catch(refused));
  $("invite").addEventListener("click", () => void invite().catch(refused));
  $("menu").addEventListener("click", () => showSidebar(!$("sidebar").classList.contains("open")));
  $("scroll").addEventListener("click", () => showSidebar(false));
  $("composer").addEventListener("submit", (event) => (event.preventDefault(), void send()));
  $("text").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void send();
  });
  $("text").addEventListener("input", () => {
    if (!open || Date.now() - typedAt < TYPING_EVERY_MS) return;
    typedAt = Date.now();
    link.client.rpc("typing", { session_id: open.id }).catch(() => undefined); // a courtesy: never tried again
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && showSidebar(false));
  addEventListener("hashchange", () => void follow().catch(refused));
  link.client.on("publication", () => void list().catch(refused)); // on user:<id>: the list has changed

  $("me").textContent = `You are ${me!.name}`;
  link.client.connect();
  void follow().catch(refused);
}

if (me) start();
else {
  const welcome = $<HTMLDialogElement>("welcome");
  welcome.addEventListener("cancel", (event) => event.preventDefault());
  welcome.querySelector("form")!.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      me = await guest.enter($<HTMLInputElement>("name").value.trim());
      welcome.close();
      start();
    } catch (error) {
      $("hello").nextElementSibling!.textContent = (error as Error).message;
    }
  });
  welcome.showModal();
}
