// In charge of a duration such as `90d`: how many, of which unit.
import { useTexts } from '../../texts/texts.tsx';

const UNITS = ['s', 'm', 'h', 'd', 'w'] as const;
type Unit = (typeof UNITS)[number];

interface Props {
  readonly duration: string;
  readonly units?: readonly Unit[];
  readonly onChange: (duration: string) => void;
}

export function DurationField({ duration, units = UNITS, onChange }: Props) {
  const { editor } = useTexts();
  const amount = duration.slice(0, -1);
  const unit = duration.slice(-1) as Unit;
  const shown = units.includes(unit) ? units : [...units, unit];
  return (
    <span className="duration">
      <input
        type="text"
        inputMode="numeric"
        className="number-field"
        aria-label={editor.builder.amount}
        value={amount}
        onChange={(event) => onChange(`${event.target.value.replace(/\D/g, '')}${unit}`)}
      />
      <select aria-label={editor.builder.unit} value={unit} onChange={(event) => onChange(`${amount}${event.target.value}`)}>
        {shown.map((each) => (
          <option key={each} value={each}>
            {editor.builder.units[each]}
          </option>
        ))}
      </select>
    </span>
  );
}
