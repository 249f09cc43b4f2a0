import { signal } from "@preact/signals";
import { LANGUAGES, language, speak, t } from "../i18n";
import { act, say } from "../store/actions";
import * as identity from "../store/identity";
import { keep, read } from "../store/kept";
import { Choice, Menu } from "./Menu";

const KEY = "antiphon.theme";
const theme = signal(read(KEY) ?? "");

/** Light or dark where somebody chose it, else as the system has it. */
export function dress(choice = theme.value): void {
  theme.value = choice;
  keep(KEY, choice);
  document.documentElement.dataset["theme"] = choice;
}

export function Settings() {
  const looks: [string, string][] = [["", t.value.auto], ["light", t.value.light], ["dark", t.value.dark]];
  return (
    <Menu label={t.value.settings} face="⚙" up>
      <p>{t.value.theme}</p>
      {looks.map(([value, name]) => <Choice key={value} on={theme.value === value} onClick={() => dress(value)}>{name}</Choice>)}
      <p>{t.value.language}</p>
      {Object.entries(LANGUAGES).map(([code, [name]]) => <Choice key={code} on={language.value === code} onClick={() => speak(code)}>{name}</Choice>)}
      <hr />
      <Choice onClick={() => void testModel()}>{t.value.test}</Choice>
      <Choice onClick={() => (identity.leave(), location.replace("/"))}>{t.value.leave}</Choice>
    </Menu>
  );
}

async function testModel(): Promise<void> {
  say(t.value.testing);
  const found = await act<{ ok: boolean; model: string; latency_ms: number; message?: string }>("llm.test");
  if (found) say(found.ok ? `${found.model} ${t.value.works} · ${Math.round(found.latency_ms)} ms` : `${t.value.worksNot}: ${found.message ?? found.model}`);
}
