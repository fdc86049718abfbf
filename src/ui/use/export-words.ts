/** The kinds of exported files in words. */

import type { ExportKind } from '../../../workers/api';

interface ExportWords {
  readonly name: string;
  /** What the files are, and how to use them. */
  readonly note: (step: string, modelName: string) => string;
  /** A line of Python that loads them; `head`: what the model class is for. */
  readonly python: (head: 'CausalLM' | 'SequenceClassification') => string;
}

export const EXPORT_WORDS: { readonly [K in ExportKind]: ExportWords } = {
  peft: {
    name: 'Adapter (PEFT)',
    note: (step, modelName) =>
      `This is the adapter at step ${step}, without the base model, in PEFT’s format. Put the files into one folder and load it on top of ${modelName}.`,
    python: () => 'model = PeftModel.from_pretrained(base_model, "folder")',
  },
  model: {
    name: 'Whole model (Hugging Face)',
    note: (step, modelName) =>
      `This is the whole model at step ${step}: the files of ${modelName} with the trained weights, which are stored in 32 bits so that no training is lost by rounding. Put them into one folder.`,
    python: (head) => `model = AutoModelFor${head}.from_pretrained("folder")`,
  },
};
