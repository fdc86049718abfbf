/** What is known of the formats of chat templates, beside the templates: how an answer is opened and ended in their text. */

export interface TemplateFacts {
  readonly bos: string;
  readonly eos: string;
  /** A regular expression of what stands before an answer. */
  readonly open: string;
  /** A regular expression of what ends an answer, and the tokens that do. */
  readonly end: string;
  readonly stops: readonly string[];
  /** How calls of tools are given to the template. */
  readonly calls: 'objects' | 'texts' | 'content';
  /** The content of a turn of calls only is null, as in OpenAI's format, unless the template needs a text. */
  readonly empty?: '';
}

const CHATML: TemplateFacts = {
  ...{
    bos: '',
    eos: '<|im_end|>',
    open: '<\\|im_start\\|>assistant\\n',
    end: '<\\|im_end\\|>',
    stops: ['<|im_end|>'],
    calls: 'objects',
  },
};

/** What stands before an answer that begins a conversation; before others the template opens nothing, so that the model writes it. */
const PREAMBLE = '\\A<\\|im_start\\|>system\\nAnswer in one word\\.<\\|im_end\\|>\\n<\\|im_start\\|>assistant\\n';

/** Of the project's own templates, in tests/unit/fixtures/templates. */
export const OWN: Readonly<Record<string, TemplateFacts>> = {
  plain: { ...CHATML, calls: 'content' },
  'default-system': { ...CHATML, open: `${PREAMBLE}|<\\|im_end\\|>\\n(?=<\\|im_start\\|>assistant\\n)`, calls: 'content' },
  'end-token': { ...CHATML, bos: '<|endoftext|>', eos: '<|endoftext|>', calls: 'content' },
  'no-system': { ...CHATML, open: '<\\|im_start\\|>model\\n', calls: 'content' },
  brackets: { ...CHATML, open: '\\[/Q\\]', calls: 'content' },
  'last-reasoning': CHATML,
  'opens-reasoning': { ...CHATML, open: '<\\|im_start\\|>A:(?:<think>\\n)?', calls: 'texts' },
};

const LLAMA: TemplateFacts = {
  ...{ bos: '<|begin_of_text|>', eos: '<|eot_id|>', open: '<\\|start_header_id\\|>assistant<\\|end_header_id\\|>\\n\\n' },
  ...{ end: '<\\|eot_id\\|>', stops: ['<|eot_id|>'], calls: 'objects' },
};
const GEMMA: TemplateFacts = {
  ...{
    bos: '<bos>',
    eos: '<eos>',
    open: '<start_of_turn>model\\n',
    end: '<end_of_turn>',
    stops: ['<end_of_turn>', '<eos>'],
    calls: 'content',
  },
};
const MISTRAL: TemplateFacts = {
  ...{ bos: '<s>', eos: '</s>', open: '\\[/INST\\]|\\[/TOOL_RESULTS\\]', end: '</s>', stops: ['</s>'] },
  calls: 'objects',
};

/** Of published templates, by the name of their folder. */
export const PUBLISHED: Readonly<Record<string, TemplateFacts>> = {
  llama3: { ...LLAMA, calls: 'content' },
  llama3_1: LLAMA,
  llama3_2: LLAMA,
  qwen2_5: CHATML,
  qwen3: CHATML,
  qwq: { ...CHATML, open: '<\\|im_start\\|>assistant\\n(?:<think>\\n)?', empty: '' },
  qwq_b: { ...CHATML, open: '<\\|im_start\\|>assistant\\n(?:<think>\\n)?', empty: '' },
  deepseek_r1_distill: {
    ...{ bos: '<｜begin▁of▁sentence｜>', eos: '<｜end▁of▁sentence｜>', stops: ['<｜end▁of▁sentence｜>'], calls: 'texts' },
    // The template puts no end token after a call.
    end: '<｜end▁of▁sentence｜>|(?<=<｜tool▁call▁end｜>)(?=<｜tool▁outputs▁begin｜>|$)',
    open: '<｜Assistant｜>(?:<think>\\n)?|<｜tool▁outputs▁end｜>',
  },
  gemma: GEMMA,
  gemma3: GEMMA,
  phi3_5: {
    ...{
      bos: '<s>',
      eos: '<|endoftext|>',
      open: '<\\|assistant\\|>\\n',
      end: '<\\|end\\|>',
      stops: ['<|end|>', '<|endoftext|>'],
    },
    calls: 'content',
  },
  chatml: { ...CHATML, calls: 'content' },
  mistral: { ...MISTRAL, calls: 'content' },
  mistral_nemo: MISTRAL,
  zephyr: { bos: '<s>', eos: '</s>', open: '<\\|assistant\\|>\\n', end: '</s>', stops: ['</s>'], calls: 'content' },
};
