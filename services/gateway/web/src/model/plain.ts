/** A text in one line, without the marks of Markdown: for titles and lists. */
export function plain(text: string): string {
  return text.replace(/```\w*|[*`#>|]+|^\s*[-+]\s/gm, " ").replace(/\s+/g, " ").trim();
}
