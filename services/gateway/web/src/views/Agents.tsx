import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { t } from "../i18n";
import type { Row } from "../model/types";
import { act } from "../store/actions";
import { ask } from "../store/link";
import { chat, shown } from "../store/opened";
import { Choice } from "./Menu";

const known = signal<Row | null>(null);

/** How an agent is called where people read it. */
export function titleOf(agent: string): string {
  return (known.value?.["agents"] as Row[] | undefined)?.find((it) => it["name"] === agent)?.["title"] ?? agent;
}

/** The agents that may answer here, as choices of a menu. */
export function Agents() {
  useEffect(() => void load(), []);
  const here = shown.value?.chats.get(chat.value);
  const all = (known.value?.["agents"] as Row[]) ?? [];
  if (!here || all.length < 2) return null;
  const now = here.agent || known.value!["defaults"]?.[here.type] || known.value!["default"];
  return (
    <>
      <p>{t.value.agents}</p>
      {all.map((it) => <Choice key={it["name"]} on={it["name"] === now} onClick={() => it["name"] !== now && void act("agent.switch", { chat_id: here.id, agent: it["name"] })}>{it["title"]}</Choice>)}
      <hr />
    </>
  );
}

/** Afterwards the agents are known, if a worker told. */
export async function load(): Promise<void> {
  known.value ??= await ask<Row>("agent.list", {}).catch(() => null);
}
