// The strip of figures: what the city is like right now, from what the page holds.
import { day } from '../state/store';
import { span } from '../text/time';
import { language, t } from '../text/words';

export function Kpis() {
  const f = day.value;
  const percent = (share: number) => (Number.isNaN(share) ? '–' : `${Math.floor(share * 1000) / 10} %`);
  const long = (ms: number) => (ms ? span(ms, language.value) : '–');
  const cells: [string, string | number, string?][] = [
    [t('kpi_open'), f.open], [t('kpi_risk'), f.at_risk, f.at_risk ? 'risk' : ''], [t('kpi_late'), f.late, f.late ? 'late' : ''], [t('kpi_unassigned'), f.unassigned, f.unassigned ? 'risk' : ''], [t('kpi_within'), percent(f.within_3h)],
    [t('kpi_p50'), long(f.p50_ms)], [t('kpi_p90'), long(f.p90_ms)], [t('kpi_couriers'), `${f.couriers_busy}/${f.couriers_on}`], [t('kpi_failed'), f.failed],
  ];
  return <dl class="kpis" tabIndex={0} aria-label={t('kpi_strip')}>{cells.map(([name, value, level]) => <div key={name} class={level || ''}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}
