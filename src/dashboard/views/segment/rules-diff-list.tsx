// What one rule asks that another does not, condition by condition: marked by a word and a sign, not by colour alone.
import { useTexts } from '../../texts/texts.tsx';
import type { RulesDiff } from './segment.ts';

export function RulesDiffList({ diff: { added, removed, changed } }: { readonly diff: RulesDiff }) {
  const { segment: texts } = useTexts();
  if (added.length + removed.length + changed.length === 0) return <p className="quiet">{texts.versions.same}</p>;
  return (
    <ul className="plain rules-diff">
      {changed.map(({ before, after }) => (
        <li key={`${before} ${after}`}>
          <span className="status status-building">{texts.versions.changed}</span>
          <code className="diff-old">{before}</code>
          <small>{texts.versions.becomes}</small>
          <code className="diff-new">{after}</code>
        </li>
      ))}
      {added.map(({ text }) => (
        <li key={text}>
          <span className="status status-active">{texts.versions.added}</span>
          <code className="diff-new">{text}</code>
        </li>
      ))}
      {removed.map(({ text }) => (
        <li key={text}>
          <span className="status status-failed">{texts.versions.removed}</span>
          <code className="diff-old">{text}</code>
        </li>
      ))}
    </ul>
  );
}
