import { memo } from "./memo";
import { t } from "../i18n";
import { copy } from "./copying";
import { type Block, blocks } from "./markdown";

/** A text as Markdown. */
export function Markdown({ text }: { text: string }) {
  return <div class="text">{blocks(text).map((block, place) => (block.code === undefined ? <Prose key={place} html={block.html} /> : <Code key={place} block={block} />))}</div>;
}

const Prose = memo(({ html }: { html: string }) => <div dir="auto" dangerouslySetInnerHTML={{ __html: html }} />);

const Code = memo(({ block }: { block: Block }) => {
  return (
    <div class="code">
      <div class="code-head">
        <span>{block.language}</span>
        <button type="button" class="link" onClick={() => void copy(block.code!)}>{t.value.copy}</button>
      </div>
      <pre tabIndex={0}><code class="hljs" dangerouslySetInnerHTML={{ __html: block.html }} /></pre>
    </div>
  );
});
