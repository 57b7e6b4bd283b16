// A line without axes, as wide as its place. It only illustrates a figure: hidden from screen readers, which read the figure.
const WIDTH = 120;
const HEIGHT = 28;
const INSET = 2;

export function Sparkline({ values }: { readonly values: readonly number[] }) {
  if (values.length < 2) return <span className="sparkline-none" aria-hidden="true" />;
  const least = Math.min(...values);
  const span = Math.max(...values) - least || 1;
  const points = values.map((value, index) => {
    const x = INSET + ((WIDTH - 2 * INSET) * index) / (values.length - 1);
    const y = HEIGHT - INSET - ((HEIGHT - 2 * INSET) * (value - least)) / span;
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg className="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <polyline points={points.join(' ')} />
    </svg>
  );
}
