/** What a chat template leaves out of conversations with tools. */

import type { NoteCounts } from '../dataset/notices';
import type { ChatTemplate } from '../tokenizer/template';

/** What a chat template does not show the model of tools, in sentences; usually none. */
export function toolNotices(
  { takesTools, callForm }: Pick<ChatTemplate, 'takesTools' | 'callForm'>,
  counts: NoteCounts,
): string[] {
  const [tools, calls] = [counts.get('tools') ?? 0, counts.get('calls') ?? 0];
  const unseen = `${conversations(tools)} tools, and the chat template of this model has no place for them: the model does not see which tools there are. Choose a model whose template takes tools, or describe them in the system prompt.`;
  const written = `${conversations(calls)} calls of tools, for which the chat template of this model has no form: they are learnt as text, {"name": …, "arguments": …}.`;
  return [...(tools > 0 && !takesTools ? [unseen] : []), ...(calls > 0 && callForm === 'content' ? [written] : [])];
}

const conversations = (count: number) =>
  count === 1 ? 'One conversation has' : `${count.toLocaleString('en')} conversations have`;
