// Times and spans as people say them, in the city's zone. Pure: the moment and the language are arguments.
export type Language = 'zh' | 'en';

const MINUTE_MS = 60000;

/** "12 min", "1 h 05", "3 分钟": whole minutes, towards the worse for the reader (a promise in 59 s is "0 min" left). */
export function span(ms: number, language: Language): string {
  const minutes = Math.floor(Math.abs(ms) / MINUTE_MS);
  const days = Math.floor(minutes / 1440), hours = Math.floor((minutes % 1440) / 60), rest = minutes % 60;
  if (language === 'zh') {
    if (days) return `${days} 天 ${hours} 小时`;
    return hours ? `${hours} 小时 ${rest} 分` : `${rest} 分钟`;
  }
  if (days) return `${days} d ${hours} h`;
  return hours ? `${hours} h ${String(rest).padStart(2, '0')} min` : `${rest} min`;
}

/** Slack: "12 min left" or "5 min late"; a late minute that has only begun counts. */
export function left(ms: number, language: Language): string {
  if (ms >= 0) return language === 'zh' ? `剩 ${span(ms, language)}` : `${span(ms, language)} left`;
  const late = Math.max(MINUTE_MS, Math.ceil(-ms / MINUTE_MS) * MINUTE_MS);
  return language === 'zh' ? `晚 ${span(late, language)}` : `${span(late, language)} late`;
}

/** How long ago something was seen: seconds under two minutes, then minutes. */
export function ago(ms: number, language: Language): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return language === 'zh' ? `${seconds} 秒前` : `${seconds} s ago`;
  return language === 'zh' ? `${span(ms, language)}前` : `${span(ms, language)} ago`;
}

const formats = new Map<string, Intl.DateTimeFormat>();
function format(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone}|${JSON.stringify(options)}`;
  let made = formats.get(key);
  if (!made) formats.set(key, (made = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', ...options })));
  return made;
}

export const time = (ms: number, zone: string): string => (ms ? format(zone, { hour: '2-digit', minute: '2-digit' }).format(ms) : '–');
export const timeWithSeconds = (ms: number, zone: string): string => (ms ? format(zone, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(ms) : '–');
/** YYYY-MM-DD in the zone. */
export function day(ms: number, zone: string): string {
  const parts = Object.fromEntries(format(zone, { year: 'numeric', month: '2-digit', day: '2-digit' }).formatToParts(ms).map((p) => [p.type, p.value]));
  return `${parts['year']}-${parts['month']}-${parts['day']}`;
}

export const money = (fen: number): string => `¥${fen < 0 ? '-' : ''}${Math.floor(Math.abs(fen) / 100)}.${String(Math.abs(fen) % 100).padStart(2, '0')}`;
export const distance = (m: number): string => (m < 1000 ? `${m} m` : `${(m / 1000).toFixed(1)} km`);

/** The moment at which a day (YYYY-MM-DD) begins in the zone. Zones that jump at midnight are not a city's we serve. */
export function midnight(date: string, zone: string): number {
  const guess = Date.parse(`${date}T00:00:00Z`);
  const parts = Object.fromEntries(format(zone, { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' }).formatToParts(guess).map((p) => [p.type, p.value]));
  const there = Date.parse(`${parts['year']}-${parts['month']}-${parts['day']}T${parts['hour']}:${parts['minute']}:00Z`);
  return guess - (there - guess);
}
