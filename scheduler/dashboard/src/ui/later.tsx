// Screens and parts that are not in the first paint.
import { t } from '../text/words';
import { lazy } from './lazy';

const dots = () => '…';
export const CityMap = lazy(async () => (await import('./map')).CityMap, () => t('map_loading'));
export const PastMap = lazy(async () => (await import('./map')).PastMap, () => t('map_loading'));
export const Timeline = lazy(async () => (await import('./timeline')).Timeline, dots);
export const Unassigned = lazy(async () => (await import('./lists')).Unassigned, dots);
export const Alerts = lazy(async () => (await import('./lists')).Alerts, dots);
export const Day = lazy(async () => (await import('./day')).Day, dots);
export const Playback = lazy(async () => (await import('./playback')).Playback, dots);
export const Settlement = lazy(async () => (await import('./settlement')).Settlement, dots);
export const Dialogs = lazy(async () => (await import('./dialogs')).Dialogs, () => '');
export const Detail = lazy(async () => (await import('./detail')).Detail, dots);
