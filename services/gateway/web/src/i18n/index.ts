/** The words of the page, in the reader's language, and times as they are written in it. */
import { computed, signal } from "@preact/signals";
import { keep, read } from "../store/kept";
import { en, type Words } from "./en";
import { ru } from "./ru";

export const LANGUAGES: Record<string, [string, Words]> = { en: ["English", en], ru: ["Русский", ru] };
const KEY = "antiphon.language";
const MINUTE_MS = 60_000;

export const language = signal(initial());
const today = signal(new Date().toDateString());
export const t = computed<Words>(() => LANGUAGES[language.value]![1]);

export function speak(code: string): void {
  keep(KEY, code);
  language.value = code;
  document.documentElement.lang = code;
}

const turn = () => (today.value = new Date().toDateString());
setInterval(turn, MINUTE_MS);
document.addEventListener("visibilitychange", turn);

/** Today: the time; otherwise the day, too. Once it is tomorrow, what shows it is drawn again. */
export function clock(time: string): string {
  const at = new Date(time);
  const isToday = at.toDateString() === today.value;
  const locale = navigator.language.startsWith(language.value) ? navigator.language : language.value; // Britain has another clock
  return at.toLocaleString(locale, isToday ? { timeStyle: "short" } : { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}

function initial(): string {
  const wished = read(KEY) ?? navigator.language.slice(0, 2);
  return wished in LANGUAGES ? wished : "en";
}
