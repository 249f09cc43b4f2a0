import { signal } from "@preact/signals";
import { t } from "../i18n";
import { uuid7 } from "../model/ids";
import { create } from "../store/actions";
import { Dialog } from "./Dialog";

export const planning = signal(false);

/** The form of a new track; with it begins a session whose assistant greets with a first plan. */
export function TrackDialog() {
  if (!planning.value) return null;
  const close = () => (planning.value = false);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const text = (name: string) => (form.get(name) as string).trim();
    const hours = Number(text("hours"));
    const track = { title: text("title"), description: text("description"), difficulty_level: text("level"), estimated_duration_hours: hours > 0 ? hours : undefined, user_expectations: text("expectations") };
    const id = uuid7();
    close();
    create(id, { session_id: id, kind: "track", title: track.title, track });
  };
  return (
    <Dialog title={t.value.newTrack} close={close}>
      <form onSubmit={submit}>
        <p>{t.value.trackHint}</p>
        <label>{t.value.title}<input name="title" required maxLength={200} autofocus /></label>
        <label>{t.value.description}<textarea name="description" maxLength={4000} rows={3} /></label>
        <div class="row">
          <label>{t.value.difficulty}<select name="level">{(["beginner", "intermediate", "advanced"] as const).map((level) => <option key={level} value={level}>{t.value[level]}</option>)}</select></label>
          <label>{t.value.hours}<input name="hours" type="number" min="0.5" step="0.5" max="1000" /></label>
        </div>
        <label>{t.value.expectations}<textarea name="expectations" maxLength={4000} rows={2} /></label>
        <div class="row end"><button type="button" class="quiet" onClick={close}>{t.value.cancel}</button><button>{t.value.begin}</button></div>
      </form>
    </Dialog>
  );
}
