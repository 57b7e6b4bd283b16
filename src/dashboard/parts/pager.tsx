// Forward and back through a list; shows nothing if there is only one page.
import type { Pages } from '../api/use-pages.ts';
import { useFormats, useTexts } from '../texts/texts.tsx';

export function Pager({ pages: { number, forward, back } }: { readonly pages: Pages<unknown> }) {
  const { pager: texts } = useTexts();
  const formats = useFormats();
  if (forward === null && back === null) return null;
  return (
    <nav className="pager" aria-label={texts.label}>
      <button type="button" disabled={back === null} onClick={() => back?.()}>
        {texts.back}
      </button>
      <span>{texts.page(formats.count(number))}</span>
      <button type="button" disabled={forward === null} onClick={() => forward?.()}>
        {texts.forward}
      </button>
    </nav>
  );
}
