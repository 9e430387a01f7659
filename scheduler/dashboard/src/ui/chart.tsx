// Small charts of the day as SVG: bars or lines by the hour, with a table of the same figures for who cannot see them.
import { t } from '../text/words';
import { niceMax } from './axis';

export interface Series { name: string; values: (number | null)[]; kind: 'bar' | 'line'; style: 'a' | 'b' | 'c' }
const WIDTH = 520, HEIGHT = 190, LEFT = 40, BOTTOM = 22, TOP = 10;

export function Chart({ title, labels, series, unit, most }: { title: string; labels: string[]; series: Series[]; unit: string; most?: number }) {
  const top = most ?? niceMax(Math.max(1, ...series.flatMap((one) => one.values.map((value) => value ?? 0))));
  const step = (WIDTH - LEFT) / Math.max(1, labels.length);
  const x = (i: number) => LEFT + step * (i + 0.5), y = (value: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
  const bars = series.filter((one) => one.kind === 'bar');
  const each = Math.ceil(labels.length / 12);
  const shown = (value: number) => (Number.isInteger(value) ? String(value) : value.toFixed(1));
  return (
    <figure class="chart">
      <figcaption><b>{title}</b> <span class="keys">{series.map((one) => <span key={one.name}><i class={`key ${one.kind} ${one.style}`} /> {one.name}</span>)}</span></figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={title}>
        {[0, 0.25, 0.5, 0.75, 1].map((part) => <g key={part}><line class="grid" x1={LEFT} x2={WIDTH} y1={y(top * part)} y2={y(top * part)} /><text class="soft" x={LEFT - 6} y={y(top * part) + 4} text-anchor="end">{shown(top * part)}</text></g>)}
        {labels.map((label, i) => i % each === 0 && <text key={label + i} class="soft" x={x(i)} y={HEIGHT - 6} text-anchor="middle">{label}</text>)}
        {bars.map((one, b) => one.values.map((value, i) => value !== null && value > 0 && <rect key={`${b}/${i}`} class={`bar ${one.style}`} x={x(i) - step * 0.36 + (step * 0.72 * b) / bars.length} width={(step * 0.72) / bars.length} y={y(value)} height={Math.max(1, y(0) - y(value))} rx={1.5}><title>{`${labels[i]} ${one.name} ${shown(value)} ${unit}`}</title></rect>))}
        {series.filter((one) => one.kind === 'line').map((one) => {
          const points = one.values.map((value, i) => (value === null ? null : [x(i), y(Math.min(top, value))] as const));
          return <g key={one.name}><polyline class={`line ${one.style}`} points={points.filter((p) => p !== null).map((p) => p.join()).join(' ')} />{points.map((p, i) => p && <circle key={i} class={`dot ${one.style}`} cx={p[0]} cy={p[1]} r={3}><title>{`${labels[i]} ${one.name} ${shown(one.values[i]!)} ${unit}`}</title></circle>)}</g>;
        })}
      </svg>
      <details><summary>{t('as_table')}</summary><table><thead><tr><th scope="col">{t('when')}</th>{series.map((one) => <th key={one.name} scope="col" class="number">{one.name}</th>)}</tr></thead><tbody>{labels.map((label, i) => <tr key={label + i}><td>{label}</td>{series.map((one) => <td key={one.name} class="number">{one.values[i] === null || one.values[i] === undefined ? '–' : shown(one.values[i])}</td>)}</tr>)}</tbody></table></details>
    </figure>
  );
}
