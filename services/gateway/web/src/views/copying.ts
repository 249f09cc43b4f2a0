/** Copies a text, and says that it is done. */
import { t } from "../i18n";
import { say } from "../store/actions";

export async function copy(text: string): Promise<void> {
  const done = navigator.clipboard ? await navigator.clipboard.writeText(text).then(() => true, () => false) : bySelection(text);
  if (done) say(t.value.copied);
}

/** Where the page came over plain HTTP from another machine, browsers give it no clipboard. */
function bySelection(text: string): boolean {
  const before = document.activeElement as HTMLElement | null;
  const box = document.body.appendChild(Object.assign(document.createElement("textarea"), { value: text, className: "sr" }));
  box.select();
  const done = document.execCommand("copy");
  box.remove();
  before?.focus();
  return done;
}
