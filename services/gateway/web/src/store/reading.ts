/** Says how far the reader has read: what was on the screen of a tab that is looked at. */
import { effect } from "@preact/signals";
import { uuid7 } from "../model/ids";
import { ask, linkState } from "./link";
import { past, place, state, visible } from "./opened";
import { me } from "./actions";

const PAUSE_MS = 700;

interface Receipt {
  session: string;
  seq: number;
}

/** Sends receipts from here on, a moment after something was shown, or at once where the reader goes elsewhere; returns what ends that. */
export function keepReceipts(): () => void {
  let timer = 0;
  let due: Receipt | null = null;
  let said: Receipt | null = null;
  const say = () => {
    clearTimeout(timer);
    timer = 0;
    if (!due) return;
    const now = (said = due);
    due = null;
    void ask("receipt.read", { id: uuid7(), session_id: now.session, up_to_seq: now.seq }).catch(() => said === now && (said = null)); // the next one says it, too
  };
  const look = () => {
    const seen = onScreen();
    if (due && seen?.session !== due.session) say();
    if (!seen || (said && seen.session === said.session && seen.seq <= said.seq)) return;
    due = seen;
    timer ||= window.setTimeout(say, PAUSE_MS);
  };
  const stop = effect(() => (visible.value, place.value, linkState.value, look()));
  document.addEventListener("visibilitychange", look);
  return () => (stop(), clearTimeout(timer), document.removeEventListener("visibilitychange", look));
}

/** The newest message that is on the screen, if one of somebody else up to it is not known to be read. */
function onScreen(): Receipt | null {
  const [here, newest, user] = [state.value, visible.value?.newest, me.value!.user];
  if (!here || past.value || place.value || !newest || document.visibilityState !== "visible" || linkState.value !== "connected") return null;
  const read = here.receipts.get(user) ?? 0;
  const theirs = [...here.messages.values()].some((it) => it.chat === newest.chat && it.seq > read && it.author !== user && it.state !== "failed");
  return theirs && newest.seq > read ? { session: here.id, seq: newest.seq } : null;
}
