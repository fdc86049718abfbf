/** Whether a model continues texts, which needs an output head. */

import { CodedError } from '../core/errors';
import type { ModelConfig } from './config';
import { familyOf } from './families';

/** Throws `model/unsupported` for encoders and classifiers. */
export function checkWrites(config: ModelConfig): void {
  if (familyOf(config).head(config) !== null) return;
  throw new CodedError(
    'model/unsupported',
    `This model (${config.modelType}) reads texts but can't continue them. Choose a language model (…ForCausalLM), such as SmolLM2 or Qwen.`,
  );
}
