/** Says how far the reader has read: what was on the screen of a tab that is looked at. */
import { effect } from "@preact/signals";
import { uuid7 } from "../model/ids";
import { ask, linkState } from "./link";
import { past, place, state, visible } from "./opened";
import { me } from "./actions";

const PAUSE_MS = 700;

/** Sends receipts from here on; returns what ends that. */
export function keepReceipts(): () => void {
  let timer = 0;
  const look = () => {
    clearTimeout(timer);
    timer = window.setTimeout(read, PAUSE_MS);
  };
  const stop = effect(() => (visible.value, place.value, linkState.value, look()));
  document.addEventListener("visibilitychange", look);
  return () => (stop(), clearTimeout(timer), document.removeEventListener("visibilitychange", look));
}

function read(): void {
  const [here, newest, user] = [state.value, visible.value?.newest, me.value!.user];
  if (!here || past.value || place.value || !newest || document.visibilityState !== "visible" || linkState.value !== "connected") return;
  if (newest.seq <= (here.receipts.get(user) ?? 0) || newest.author === user) return;
  void ask("receipt.read", { id: uuid7(), session_id: here.id, up_to_seq: newest.seq }).catch(() => undefined); // the next one says it, too
}
