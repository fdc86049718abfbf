/** What a chat template does not show of answers, so that it can't be learnt. */

import type { AnswerCounts } from '../tokenizer/spans';

/** In sentences; usually none. */
export function answerNotices({ partial, lost, unreasoned }: AnswerCounts): string[] {
  const sentences: readonly (readonly [number, string])[] = [
    [
      partial,
      `The chat template of this model shows ${some(partial, 'answer')} in part only: reasoning models leave the reasoning of earlier answers out. The part that it shows is learnt. To learn all of it, end a conversation with each such answer.`,
    ],
    [lost, `The chat template of this model does not show ${some(lost, 'answer')} at all: nothing of this is learnt.`],
    [
      unreasoned,
      `The chat template of this model opens a block of reasoning before each answer, and ${some(unreasoned, 'answer')} of this dataset ${unreasoned === 1 ? 'has' : 'have'} none: an empty block is learnt there, so that the model answers without reasoning. To keep its reasoning, put some into the answers, between <think> and </think>.`,
    ],
  ];
  return sentences.filter(([count]) => count > 0).map(([, sentence]) => sentence);
}

const some = (count: number, what: string) => `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;
