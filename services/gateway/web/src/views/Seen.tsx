import { t } from "../i18n";
import { me } from "../store/actions";
import { state, typists, chat, visible } from "../store/opened";

/** Who has read the last message, and who is writing. */
export function Seen() {
  const here = state.value!;
  const mine = me.value!.user;
  const last = visible.value?.leaf;
  const readers = last ? [...here.receipts].filter(([user, seq]) => user !== mine && user !== last.author && seq >= last.seq && here.people.has(user)) : [];
  const writing = [...typists.value].filter(([user, where]) => user !== mine && here.people.has(user) && (!where || where === chat.value));
  const names = (users: [string, unknown][]) => users.map(([user]) => here.people.get(user)!.name).join(", ");
  return (
    <p class="seen" aria-live="polite">
      {writing.length > 0 ? `${names(writing)} ${writing.length > 1 ? t.value.areWriting : t.value.isWriting}` : readers.length > 0 ? `${t.value.seenBy} ${names(readers)}` : ""}
    </p>
  );
}
