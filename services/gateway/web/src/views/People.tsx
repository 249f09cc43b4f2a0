import { signal } from "@preact/signals";
import { t } from "../i18n";
import { act, me } from "../store/actions";
import { present, shown } from "../store/opened";
import { Dialog } from "./Dialog";

export const peopleOpen = signal(false);

export function People() {
  const here = shown.value!;
  const mine = here.owner === me.value!.user;
  return (
    <Dialog title={t.value.people} close={() => (peopleOpen.value = false)}>
      <ul class="people">
        {[...here.people.values()].map(({ user, name, role }) => (
          <li key={user} class="row">
            <span class={present.value.has(user) ? "dot on" : "dot"} role="img" aria-label={present.value.has(user) ? t.value.here : t.value.away} />
            <span class="name">{name}{user === me.value!.user && ` (${t.value.you})`}</span>
            <small>{t.value[role as "owner" | "member" | "viewer"]}</small>
            {mine && role !== "owner" && <button type="button" class="link" onClick={() => void act("session.remove", { user })}>{t.value.remove}</button>}
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
