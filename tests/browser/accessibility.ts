/** Accessibility rules that axe checks on what is shown. */

import axe from 'axe-core';
import { expect } from 'vitest';

/** Rules about whole pages, which a component alone can't keep. */
const PAGE_RULES = { region: { enabled: false }, 'page-has-heading-one': { enabled: false } };

/**
 * Each violation in `element` with the elements that have it, after all animations have ended: axe would measure colours in the middle
 * of a transition. The promise `Animation.finished` is no sign of their end, because it can stay open when a transition is replaced.
 */
export async function violationsIn(element: Element, { wholePage = false } = {}): Promise<readonly string[]> {
  await expect.poll(() => document.getAnimations()).toEqual([]);
  const rules = { 'target-size': { enabled: true }, ...(wholePage ? {} : PAGE_RULES) };
  const { violations } = await axe.run(element, { rules });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
