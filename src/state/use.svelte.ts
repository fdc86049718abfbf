/** The Use stage: the run and the checkpoint that are tried, measured and taken away, and the conversation with base and tuned model. */

import { callback, trainClient, type WorkerClient } from '../client';
import type {
  AdapterChoice,
  GenerateRequest,
  GenerateResult,
  RunHistory,
  RunPrompt,
  RunShot,
  RunView,
  TrainApi,
} from '../../workers/api';
import { loadBaseModel } from './base-model';
import { SIDES, isFull, isPrompted, messagesFor, withAnswer, type Answer, type Side, type Turn } from './conversation';
import { codeOf } from '../core/errors';
import { failureOf, type Failure } from './failure';
import { journal } from './journal.svelte';
import { otherTab } from './other-tab.svelte';
import { promptsOfRun } from './prompts';
import { offered } from './run-status';
import { runs } from './runs.svelte';
import { training } from './training.svelte';

/** A conversation with a run at a checkpoint. */
interface Conversation {
  readonly of: string;
  readonly turns: readonly Turn[];
}

/** The blocker of an empty prompt. */
export const NO_TEXT = 'Write a text first.';

const NONE: Conversation = { of: '', turns: [] };

export class Use {
  readonly #client: WorkerClient<TrainApi>;
  /** The run chosen by hand; null takes the one trained last. */
  chosen = $state<string | null>(null);
  /** The checkpoint chosen by hand, which answers, is measured and is exported; null takes the best. */
  chosenStep = $state<number | null>(null);
  /** The text of the prompt box; null until it was edited. */
  typed = $state<string | null>(null);
  system = $state('');
  asChat = $state<boolean | null>(null);
  temperature = $state(0.7);
  topP = $state(0.95);
  maxTokens = $state(128);
  seed = $state(42);
  /** The base answers a second time, with examples of the run's training data before the message. */
  fewShot = $state(false);
  /** How many. */
  shotCount = $state(4);
  /** The side that is writing now. */
  writing = $state<Side | 'loading' | null>(null);
  failure = $state.raw<Failure | null>(null);
  #conversation = $state.raw<Conversation>(NONE);
  /** Rows of a run whose record has no prompts. */
  #oldRows = $state.raw<{ readonly runId: string; readonly history: RunHistory } | null>(null);
  /** Counts messages, and the changes that make the answers under way worthless. */
  #turn = 0;
  #cancelled = false;

  /** Runs that have a checkpoint. */
  readonly candidates = $derived(runs.list.filter((run) => run.checkpoints.length > 0));
  readonly run = $derived(this.#find(this.chosen) ?? this.#find(training.run?.id ?? null) ?? this.candidates[0] ?? null);
  /** The checkpoint that answers, is measured and is exported: the chosen one while the run still has it. */
  readonly checkpoint = $derived.by(() => {
    const { checkpoints = [] } = this.run ?? {};
    return checkpoints.find(({ step }) => step === this.chosenStep) ?? offered(checkpoints);
  });
  readonly step = $derived(this.checkpoint?.step ?? null);
  /** The examples that the base is prompted with. */
  readonly shots = $derived((this.run?.shots ?? []).slice(0, this.shotCount));
  readonly suggestions = $derived(this.run === null ? [] : promptsOfRun(this.run, this.#rowsOf(this.run)));
  /** Answers as the assistant of a conversation, or continues the text as it stands. */
  readonly chat = $derived(this.asChat ?? (this.suggestions[0]?.kind ?? 'chat') === 'chat');
  readonly #key = $derived(`${this.run?.id} ${this.step}`);
  /** The conversation with the chosen run and checkpoint; of a text that is continued, at most one turn. */
  readonly turns = $derived(this.#conversation.of === this.#key ? this.#conversation.turns : []);
  readonly last = $derived(this.turns.at(-1) ?? null);
  /** The next message follows others. */
  readonly continues = $derived(this.chat && this.turns.length > 0);
  readonly prompt = $derived(this.typed ?? (this.continues ? '' : (this.suggestions[0]?.text ?? '')));
  /** Why the device can't be used for this run now, or null. */
  readonly busy = $derived(this.#busy());
  /** Why the base can't be prompted with examples, or null. */
  readonly shotBlocker = $derived(this.#withoutShots());
  /** The next message goes to the base with examples too. */
  readonly prompts = $derived(this.fewShot && this.shotBlocker === null);
  /** Why nothing can be sent now, or null. */
  readonly blocker = $derived(this.busy ?? this.#unfinished() ?? (this.prompt.trim() === '' ? NO_TEXT : null));

  constructor(client: WorkerClient<TrainApi>) {
    this.#client = client;
  }

  choose(id: string): void {
    this.#abandon();
    this.chosen = id;
    this.chosenStep = this.typed = null;
  }

  /** Takes another checkpoint of the run. The first message can be sent to it at once. */
  chooseStep(step: number): void {
    this.#abandon();
    this.typed = this.turns[0]?.prompt ?? this.typed;
    this.chosenStep = step;
  }

  /** A conversation, or a text to be continued. What was written so far is gone. */
  setForm(form: 'chat' | 'text'): void {
    this.typed = this.turns[0]?.prompt ?? this.typed;
    this.restart();
    this.asChat = form === 'chat';
  }

  /** Takes a suggestion; its system message only where a conversation begins. */
  take(prompt: RunPrompt): void {
    this.typed = prompt.text;
    if (!this.continues) this.system = prompt.system ?? '';
  }

  /** Takes a message back to change it. The answers to it and what came after them are gone. */
  edit(index: number): void {
    const turn = this.turns[index];
    if (turn === undefined) return;
    this.#abandon();
    this.#show(this.turns.slice(0, index));
    this.typed = turn.prompt;
  }

  /** Ends the conversation. */
  restart(): void {
    this.#abandon();
    this.#show([]);
  }

  /** Reads the samples of a run that was saved without prompts: theirs are suggested instead. */
  async findPrompts(run: RunView): Promise<void> {
    if (run.prompts !== undefined || this.#rowsOf(run) !== null) return;
    const history = await this.#client.ask((api) => api.history(run.id)).catch(() => null);
    if (history !== null) this.#oldRows = { runId: run.id, history };
  }

  /**
   * Sends the prompt to base and tuned model, which answer with the same seed, one after the other, each in a conversation of its own.
   * When it fails, the prompt is in the box again.
   */
  async compare(): Promise<void> {
    const run = this.run;
    if (this.blocker !== null || this.writing !== null || run === null) return;
    const turn = ++this.#turn;
    this.#cancelled = false;
    const { prompt, chat, system, step, prompts, shots } = this;
    const before = chat ? this.turns : [];
    const settings = this.#settings();
    const request = (side: Side): GenerateRequest => ({
      prompt: chat ? { messages: messagesFor(side, before, prompt, system) } : { text: prompt },
      ...settings,
    });
    this.failure = null;
    this.#show([...before, { prompt, base: null, tuned: null, ...(prompts && { prompted: null }) }]);
    if (chat) this.typed = null;
    this.writing = 'loading';
    try {
      await loadBaseModel(run);
      const base = await this.#answer('base', null, request('base'), turn);
      if (base !== null && prompts) await this.#prompted(before, prompt, system, settings, shots, turn);
      const tuned = base === null ? null : await this.#answer('tuned', { runId: run.id, step }, request('tuned'), turn);
      if (base !== null && tuned !== null) tellJournal(prompt, base, tuned);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.failure = failureOf(error);
      this.#show(before);
      this.typed = prompt;
    } finally {
      this.writing = null;
    }
  }

  /** Cancels the answers under way, also between the two. The text written so far stays. */
  async cancel(): Promise<void> {
    this.#cancelled = true;
    try {
      await this.#client.call((api) => api.cancelGenerate());
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  /** The answer of the base with as many of the examples as leave room for it. */
  async #prompted(
    before: readonly Turn[],
    prompt: string,
    system: string,
    settings: Omit<GenerateRequest, 'prompt'>,
    shots: readonly RunShot[],
    turn: number,
  ): Promise<void> {
    const lines = shots.map(({ line }) => line);
    const messages = messagesFor('prompted', before, prompt, system, shots);
    try {
      await this.#answer('prompted', null, { prompt: { messages }, ...settings }, turn, lines);
    } catch (error) {
      if (shots.length === 0 || codeOf(error) !== 'data/too-long') throw error;
      await this.#prompted(before, prompt, system, settings, shots.slice(0, -1), turn);
    }
  }

  /** The whole answer of one side, or null when it was cancelled or is no longer wanted. */
  async #answer(side: Side, adapter: AdapterChoice | null, request: GenerateRequest, turn: number, lines?: readonly number[]) {
    if (this.#cancelled) return null;
    this.writing = side;
    const read = 'messages' in request.prompt && { prompt: request.prompt.messages };
    const show = (answer: Answer) => {
      const shown = { ...answer, ...read, ...(lines && { lines }) };
      if (turn === this.#turn) this.#show(withAnswer(this.turns, side, shown));
    };
    show({ text: '', result: null });
    // Texts come by another way than the result, and may come after it.
    let whole = false;
    const onText = callback((text: string) => {
      if (!whole) show({ text, result: null });
    });
    const result = await this.#client.call((api) => api.generate(adapter, request, onText));
    whole = true;
    if (turn !== this.#turn) return null;
    show({ text: result.text, result });
    return this.#isCancelled() ? null : result;
  }

  /** It may have been cancelled while the model wrote. */
  #isCancelled(): boolean {
    return this.#cancelled;
  }

  /** Cancels answers that are no longer wanted. */
  #abandon(): void {
    this.#turn++;
    if (this.writing !== null) void this.cancel();
  }

  #show(turns: readonly Turn[]): void {
    this.#conversation = { of: this.#key, turns };
  }

  #settings(): Omit<GenerateRequest, 'prompt'> {
    const { temperature, topP, maxTokens, seed } = this;
    return { temperature, topP, maxTokens, seed };
  }

  #find(id: string | null) {
    return this.candidates.find((run) => run.id === id);
  }

  #rowsOf(run: RunView): RunHistory | null {
    if (training.run?.id === run.id) return training.history;
    return this.#oldRows?.runId === run.id ? this.#oldRows.history : null;
  }

  #busy(): string | null {
    if (training.active) return 'Pause or stop the training first: it uses the device.';
    if (otherTab.blocker !== null) return otherTab.blocker;
    return this.run === null ? 'Train a run first. You can try it as soon as it has a checkpoint.' : null;
  }

  #withoutShots(): string | null {
    if (this.run?.imported === true) return 'The data of this adapter are not here.';
    if (this.run?.shots === undefined) return 'This run was saved by a version that kept no examples of its data.';
    if (!this.chat || this.run.shots.length === 0)
      return 'Its data have no short questions with answers that could come before the message.';
    return isPrompted(this.turns) ? null : 'Start anew to ask the base with examples as well.';
  }

  /** Why nothing can follow the last turn of the conversation. */
  #unfinished(): string | null {
    const { last } = this;
    if (!this.continues || last === null || this.writing !== null) return null;
    if (SIDES.some((side) => last[side]?.result === undefined || last[side].result === null))
      return 'The last message was not answered by both models. Edit it, or start anew.';
    return isFull(last) ? 'The conversation has as many tokens as the model can read. Start anew.' : null;
  }
}

function tellJournal(prompt: string, base: GenerateResult, tuned: GenerateResult): void {
  journal({
    event: 'sample',
    prompt,
    promptIds: base.promptIds,
    base: base.text,
    baseIds: base.ids,
    tuned: tuned.text,
    tunedIds: tuned.ids,
  });
}

export const use = new Use(trainClient);
