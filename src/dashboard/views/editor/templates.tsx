// In charge of choosing a ready-made rule, or several, and filling in the parameters; the service makes the rule from them.
import { useDeferredValue, useState } from 'react';
import { pathOf } from '../../api/call.ts';
import { useRead } from '../../api/use-read.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { Empty, Shown } from '../../parts/reading.tsx';
import { useFormats, useSpoken, useTexts } from '../../texts/texts.tsx';
import { MakeAll } from './make-all.tsx';
import { type Template, type TemplateSegment, templateIn } from './template.ts';

interface Props {
  readonly onUse: (segment: TemplateSegment) => void;
  readonly onClose: () => void;
}

export function TemplatesDialog({ onUse, onClose }: Props) {
  const { editor: texts } = useTexts();
  const [chosen, setChosen] = useState<Template | null>(null);
  return (
    <Dialog title={chosen?.name ?? texts.templates.title} onClose={onClose}>
      {chosen === null ? <TemplateList onChoose={setChosen} /> : <Filled template={chosen} onUse={onUse} onBack={() => setChosen(null)} />}
    </Dialog>
  );
}

function TemplateList({ onChoose }: { readonly onChoose: (template: Template) => void }) {
  const { editor: texts } = useTexts();
  const { language } = useSpoken();
  const formats = useFormats();
  const templates = useRead<{ readonly data: readonly Template[] }>('/v1/templates');
  const [wanted, setWanted] = useState('');
  const needle = useDeferredValue(wanted.trim().toLowerCase());
  return (
    <>
      <input
        type="search"
        aria-label={texts.templates.find}
        placeholder={texts.templates.find}
        value={wanted}
        onChange={(event) => setWanted(event.target.value)}
      />
      <Shown read={templates}>
        {({ data }) => {
          const found = data
            .map((template) => templateIn(language, template))
            .filter(({ key, name, description }) => `${key} ${name} ${description}`.toLowerCase().includes(needle));
          if (found.length === 0) return <Empty title={texts.templates.none} />;
          return (
            <ul className="plain template-list">
              {found.map((template) => (
                <li key={template.key}>
                  <button type="button" onClick={() => onChoose(template)}>
                    <strong>
                      <span aria-hidden="true">{template.segments[0]?.icon}</span> {template.name}
                    </strong>
                    {template.segments.length === 1 ? null : (
                      <small className="status">{texts.templates.several(formats.count(template.segments.length))}</small>
                    )}
                    <small>{template.description}</small>
                  </button>
                </li>
              ))}
            </ul>
          );
        }}
      </Shown>
    </>
  );
}

interface FilledProps {
  readonly template: Template;
  readonly onUse: (segment: TemplateSegment) => void;
  readonly onBack: () => void;
}

function Filled({ template, onUse, onBack }: FilledProps) {
  const { editor: texts } = useTexts();
  const { language } = useSpoken();
  const [given, setGiven] = useState<Readonly<Record<string, string>>>({});
  const query = useDeferredValue(
    Object.fromEntries(Object.entries(given).flatMap(([name, value]) => (value === '' ? [] : [[`param.${name}`, value]]))),
  );
  const filled = useRead<Template>(pathOf`/v1/templates/${template.key}`, { query });
  return (
    <>
      <p>{template.description}</p>
      {template.needs.length === 0 ? null : <p className="quiet">{texts.templates.needs(template.needs.join(', '))}</p>}
      <div className="fields">
        {template.parameters.map((parameter) => (
          <label key={parameter.name}>
            {parameter.meaning} {parameter.unit === null ? null : <small>({parameter.unit})</small>}
            <input
              type={parameter.type === 'text' ? 'text' : 'number'}
              min={parameter.least ?? undefined}
              max={parameter.most ?? undefined}
              step={parameter.type === 'integer' ? 1 : 'any'}
              value={given[parameter.name] ?? String(parameter.default)}
              onChange={(event) => setGiven((before) => ({ ...before, [parameter.name]: event.target.value }))}
            />
          </label>
        ))}
      </div>
      <Shown read={filled}>
        {(body) => {
          const own = templateIn(language, body);
          return own.segments.length > 1 ? <MakeAll template={own} onUse={onUse} /> : <Rules segments={own.segments} onUse={onUse} />;
        }}
      </Shown>
      <button type="button" className="link-button" onClick={onBack}>
        {texts.templates.back}
      </button>
    </>
  );
}

function Rules({ segments, onUse }: { readonly segments: readonly TemplateSegment[]; readonly onUse: Props['onUse'] }) {
  const { editor: texts } = useTexts();
  return (
    <>
      <h3>{texts.templates.segments}</h3>
      <ul className="plain template-rules">
        {segments.map((segment) => (
          <li key={segment.key}>
            <div className="card-head">
              <strong>
                <span aria-hidden="true">{segment.icon}</span> {segment.name}
              </strong>
              <button type="button" className="primary" onClick={() => onUse(segment)}>
                {texts.templates.use}
                <span className="visually-hidden"> {segment.name}</span>
              </button>
            </div>
            <pre className="rule-text" dir="ltr">
              {segment.rule}
            </pre>
          </li>
        ))}
      </ul>
    </>
  );
}
