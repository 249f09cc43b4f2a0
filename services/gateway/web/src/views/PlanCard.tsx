import { t } from "../i18n";
import type { Plan } from "../model/types";

/** A plan that was made final, module by module. */
export function PlanCard({ plan }: { plan: Plan }) {
  const hours = Math.round(plan.modules.reduce((sum, it) => sum + it.hours, 0) * 100) / 100; // 1.1 + 2.2 is not quite 3.3
  return (
    <section class="plan" data-id={plan.id} aria-label={`${t.value.plan}: ${plan.title}`}>
      <header><h3>{plan.title || t.value.plan}</h3><p>{plan.modules.length} {t.value.modules} · {hours} {t.value.h}</p></header>
      {plan.summary && <p>{plan.summary}</p>}
      <ol>
        {plan.modules.map((it, place) => (
          <li key={place} class="module">
            <div class="row"><b>{it.title}</b><span class="hours">{it.hours} {t.value.h}</span></div>
            <p>{it.description}</p>
            <ul class="topics">{it.topics.map((topic) => <li key={topic}>{topic}</li>)}</ul>
          </li>
        ))}
      </ol>
    </section>
  );
}
