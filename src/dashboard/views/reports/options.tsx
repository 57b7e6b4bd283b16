// In charge of the less usual options of a report: hidden until somebody wants them, and named when they are in force.
import { type ReactNode, useState } from 'react';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import type { Asked } from './asked.ts';

interface Props {
  readonly asked: Asked;
  /** names in the place's query */
  readonly names: readonly string[];
  readonly children: ReactNode;
}

export function Options({ asked, names, children }: Props) {
  const { options: texts } = useTexts().reports;
  const formats = useFormats();
  const [isOpen, setOpen] = useState(false);
  const count = names.filter((name) => asked.text(name) !== '').length;
  return (
    <details className="report-options" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {texts.title}
        {count === 0 ? null : <span className="quiet"> · {texts.changed(formats.count(count))}</span>}
      </summary>
      {isOpen ? <div className="report-options-fields">{children}</div> : null}
      {count === 0 ? null : (
        <button type="button" className="link-button" onClick={() => asked.set(Object.fromEntries(names.map((name) => [name, ''])))}>
          {texts.reset}
        </button>
      )}
    </details>
  );
}
