// In charge of choosing a ready-made rule and filling in its parameters; what comes of it is filled in by the service.
import { useDeferredValue, useState } from 'react';
import { pathOf } from '../../api/call.ts';
import { useRead } from '../../api/use-read.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { Empty, Shown } from '../../parts/reading.tsx';
import { useTexts } from '../../texts/texts.tsx';

interface Parameter {
  readonly name: string;
  readonly type: 'integer' | 'number' | 'text';
  readonly default: number | string;
  readonly unit: string | null;
  readonly meaning: string;
  readonly least: number | null;
  readonly most: number | null;
}

export interface TemplateSegment {
  readonly key: string;
  readonly name: string;
  readonly description: string;
  readonly icon: string;
  readonly color: string;
  readonly rule: string;
}

interface Template {
  readonly key: string;
  readonly name: string;
  readonly description: string;
  readonly parameters: readonly Parameter[];
  readonly needs: readonly string[];
  readonly segments: readonly TemplateSegment[];
}

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
          const found = data.filter(({ key, name, description }) => `${key} ${name} ${description}`.toLowerCase().includes(needle));
          if (found.length === 0) return <Empty title={texts.templates.none} />;
          return (
            <ul className="plain template-list">
              {found.map((template) => (
                <li key={template.key}>
                  <button type="button" onClick={() => onChoose(template)}>
                    <strong>
                      <span aria-hidden="true">{template.segments[0]?.icon}</span> {template.name}
                    </strong>
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
      <h3>{texts.templates.segments}</h3>
      <Shown read={filled}>
        {({ segments }) => (
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
        )}
      </Shown>
      <button type="button" className="link-button" onClick={onBack}>
        {texts.templates.back}
      </button>
    </>
  );
}
