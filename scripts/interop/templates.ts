/**
 * Chat templates beside transformers: the same text of each conversation, and the same characters in the loss. Templates of published
 * models are compared where they are at hand: FOLDER/NAME/chat_template.jinja, with the names of template-facts.ts.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answerTexts, type AnsweredText } from '../../tests/answer-texts';
import { root } from '../serve';
import type { Check, Context } from './check';
import { CHATS, type Chat } from './template-chats';
import { OWN, PUBLISHED, type TemplateFacts } from './template-facts';
import { output, python, WORK } from './tools';

export interface NamedTemplate extends TemplateFacts {
  readonly name: string;
  readonly source: string;
}

/** What transformers renders and a model is to learn of it, or why the template refuses. */
export type Expected = AnsweredText | { readonly refused: string };

/** By template and conversation. */
export type ExpectedTexts = Readonly<Record<string, Readonly<Record<string, Expected>>>>;

const FIXTURES = join(root, 'tests', 'unit', 'fixtures', 'templates');

export function ownTemplates(): NamedTemplate[] {
  return Object.entries(OWN).map(([name, facts]) => ({
    ...facts,
    name,
    source: readFileSync(join(FIXTURES, `${name}.jinja`), 'utf8'),
  }));
}

function publishedTemplates(folder: string): NamedTemplate[] {
  return Object.entries(PUBLISHED).flatMap(([name, facts]) => {
    const file = join(folder, name, 'chat_template.jinja');
    return existsSync(file) ? [{ ...facts, name, source: readFileSync(file, 'utf8') }] : [];
  });
}

async function byTransformers(folder: string, templates: readonly NamedTemplate[]): Promise<ExpectedTexts> {
  const interpreter = await python('transformers', 'jinja2');
  const [asked, answered] = [join(folder, 'asked.json'), join(folder, 'answered.json')];
  writeFileSync(asked, JSON.stringify({ chats: CHATS, templates }));
  await output(interpreter, [join(root, 'scripts', 'interop', 'templates.py'), asked, answered]);
  return JSON.parse(readFileSync(answered, 'utf8')) as ExpectedTexts;
}

/** What differs from transformers, in words; null when nothing does. */
export function difference(template: NamedTemplate, chat: Chat, expected: Expected | undefined): string | null {
  if (expected === undefined) return 'transformers was not asked';
  const found = answerTexts(template, chat);
  if ('refused' in expected && 'refused' in found) return null;
  return JSON.stringify(found) === JSON.stringify(expected)
    ? null
    : `the page has\n  ${JSON.stringify(found)}\ntransformers has\n  ${JSON.stringify(expected)}`;
}

/** The unit tests compare with what transformers gave: throws when this is no longer so, and leaves the new file in `out`. */
function checkFixture(expected: ExpectedTexts): void {
  const text = `${JSON.stringify(expected, null, 1)}\n`;
  const file = join(FIXTURES, 'expected.json');
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return;
  const made = join(WORK, 'expected.json');
  writeFileSync(made, text);
  throw new Error(`transformers gives another ${file}. Compare it with ${made}, and replace it if the difference is right`);
}

/** Compares every template; returns how many conversations each rendered. Throws with all differences. */
async function compare(context: Context, name: string, templates: readonly NamedTemplate[]): Promise<string> {
  const expected = await byTransformers(context.folder(name), templates);
  if (name === 'own-templates') checkFixture(expected);
  const problems = templates.flatMap((template) =>
    CHATS.flatMap((chat) => {
      const found = difference(template, chat, expected[template.name]?.[chat.name]);
      return found === null ? [] : [`${template.name}, ${chat.name}: ${found}`];
    }),
  );
  if (problems.length > 0) throw new Error(`${problems.length} conversations differ\n${problems.join('\n')}`);
  const rendered = (one: NamedTemplate) => Object.values(expected[one.name] ?? {}).filter((found) => 'text' in found).length;
  return templates.map((one) => `${one.name} ${rendered(one)} of ${CHATS.length}`).join(', ');
}

/** `folder`: with templates of published models; null: the project's own only. */
export function templateChecks(folder: string | null): readonly Check[] {
  const own: Check = {
    name: 'chat templates of the project, text and loss mask',
    needs: 'transformers',
    run: (context) => compare(context, 'own-templates', ownTemplates()),
  };
  if (folder === null) return [own];
  const published: Check = {
    name: 'chat templates of published models, text and loss mask',
    needs: 'transformers',
    run: (context) => compare(context, 'published-templates', publishedTemplates(folder)),
  };
  return [own, published];
}
