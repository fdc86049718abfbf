/** Answers after a prompt that opens a block of reasoning, as those of DeepSeek-R1 and QwQ do. */

/** An answer as it follows a prompt. */
export interface Continued {
  readonly text: string;
  /** It has no reasoning, so that an empty block is closed before it. */
  readonly unreasoned: boolean;
}

/** A tag that is open at the end of a prompt. */
const OPEN = /<(\w+)>(\s*)$/;

/** A prompt without the block of reasoning that it opens at its end. */
export const beforeReasoning = (prompt: string): string => prompt.replace(OPEN, '');

/**
 * The text that follows `prompt` in an answer whose turn the template renders otherwise than as a continuation of it. `rendered` is the
 * turn's text; `content` is the answer, of which templates of reasoning models leave out the reasoning. When the prompt ends inside
 * a block of reasoning, the answer has the rest of the block first: that of the content, or an empty one.
 */
export function continued(prompt: string, rendered: string, content: string): Continued {
  const [, tag, space = ''] = OPEN.exec(prompt) ?? [];
  if (tag === undefined) return { text: rendered, unreasoned: false };
  const close = `</${tag}>`;
  const opened = new RegExp(`^\\s*<${tag}>\\n?`);
  if (rendered.includes(close)) return { text: rendered.replace(opened, ''), unreasoned: false };
  const end = content.lastIndexOf(close);
  if (end >= 0) return { text: content.slice(0, end + close.length).replace(opened, '') + rendered, unreasoned: false };
  return { text: `${space === '' ? '' : '\n'}${close}\n\n${rendered}`, unreasoned: true };
}
