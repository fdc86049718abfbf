/** Keeps what has the focus in sight while content above it appears or goes. */

/**
 * Watches the size of `content`. What got the focus by keyboard is scrolled into sight again when the layout moves it out of it; what the
 * user has scrolled away stays there. Returns what ends it.
 */
export function keepFocusInSight(content: HTMLElement): () => void {
  let inSight = false;
  const sight = new IntersectionObserver((entries) => (inSight = entries.at(-1)?.isIntersecting ?? false));
  // In a frame, sizes are reported before intersections: `inSight` is still that of the frame before.
  const size = new ResizeObserver(() => {
    const focused = document.activeElement;
    if (inSight && focused !== null && content.contains(focused) && focused.matches(':focus-visible'))
      focused.scrollIntoView({ block: 'nearest' });
  });
  const follow = ({ target }: FocusEvent): void => {
    if (!(target instanceof Element)) return;
    sight.disconnect();
    sight.observe(target);
    inSight = true;
  };
  size.observe(content);
  content.addEventListener('focusin', follow);
  return () => {
    size.disconnect();
    sight.disconnect();
    content.removeEventListener('focusin', follow);
  };
}
