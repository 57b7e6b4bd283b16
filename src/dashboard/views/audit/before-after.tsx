// What an entry of the audit contains: if it says what was before and after, the fields that differ, side by side; otherwise all of it.
import { useTexts } from '../../texts/texts.tsx';

interface Props {
  readonly payload: { readonly kept: boolean; readonly content: Readonly<Record<string, unknown>> | null };
}

export function BeforeAfter({ payload: { kept, content } }: Props) {
  const { audit: texts } = useTexts();
  if (content === null) return <p className="quiet">{kept ? texts.personal : texts.erased}</p>;
  const { before, after, ...rest } = content;
  if (!('before' in content) && !('after' in content)) return <Raw value={content} />;
  const [old, next] = [fieldsOf(before), fieldsOf(after)];
  const names = [...new Set([...Object.keys(old), ...Object.keys(next)])].filter((name) => print(old[name]) !== print(next[name]));
  return (
    <>
      {names.length === 0 ? <p className="quiet">{texts.same}</p> : null}
      {names.length === 0 ? null : (
        <div className="scroll">
          <table className="rows before-after">
            <thead>
              <tr>
                <th scope="col">{texts.field}</th>
                <th scope="col">{texts.before}</th>
                <th scope="col">{texts.after}</th>
              </tr>
            </thead>
            <tbody>
              {names.map((name) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td>{old[name] === undefined ? '–' : <del>{print(old[name])}</del>}</td>
                  <td>{next[name] === undefined ? '–' : <ins>{print(next[name])}</ins>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {Object.keys(rest).length === 0 ? null : <Raw value={rest} />}
    </>
  );
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (value === null || value === undefined) return {};
  return typeof value === 'object' && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : { '': value };
}

function print(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

function Raw({ value }: { readonly value: unknown }) {
  return <pre>{JSON.stringify(value, null, 2)}</pre>;
}
