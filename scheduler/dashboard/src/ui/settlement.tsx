// The books of a day: close, prepare, approve as a second person, reconcile, download. What the server refuses is said in its words; money is never computed here.
import { useEffect, useState } from 'preact/hooks';
import { deadline, refusal, settlement } from '../api/clients';
import { city, dispatcher, role } from '../api/session';
import type { Batch, ReconcileResponse } from '../gen/meddispatch/v1/settlement_pb';
import { busy, dialog } from '../state/acting';
import { refusalText, single } from '../state/acts';
import { now, say, zone } from '../state/store';
import { day as dayOf, money } from '../text/time';
import { t, tCode } from '../text/words';

const SLOW = { timeoutMs: 120000 };
// a caller with credentials is known by them and may not name another; only a daemon that checks nobody has to be told
const actor = (): string => (role.value === 'anyone' ? dispatcher.value : '');
const fen = (value: bigint): string => money(Number(value));

async function download(batch: Batch): Promise<string> {
  const service = await settlement(), parts: Uint8Array[] = [];
  let name = batch.fileName;
  for await (const piece of service.downloadFile({ cityId: city.value, batchId: batch.batchId }, SLOW)) {
    if (piece.fileName) name = piece.fileName;
    parts.push(piece.chunk);
  }
  const url = URL.createObjectURL(new Blob(parts as BlobPart[], { type: 'text/csv' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name || `${batch.batchId}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
  return name;
}

function Exceptions({ told }: { told: ReconcileResponse }) {
  if (told.clean) return <p class="good" role="status"><span aria-hidden="true">✓</span> {t('settle_clean')} <span class="small">({t('settle_checked', String(told.checked))})</span></p>;
  return (
    <table data-testid="exceptions">
      <thead><tr><th scope="col">{t('what')}</th><th scope="col">{t('settle_subject')}</th><th class="number">{t('settle_expected')}</th><th class="number">{t('settle_found')}</th><th class="number">{t('settle_difference')}</th></tr></thead>
      <tbody>{told.exceptions.map((one, i) => <tr key={i}><td><b>{one.kind}</b><div class="small">{one.text}</div></td><td>{one.subject}</td><td class="number">{fen(one.expectedFen)}</td><td class="number">{fen(one.foundFen)}</td><td class="number">{fen(one.differenceFen)}</td></tr>)}</tbody>
    </table>
  );
}

export function Settlement() {
  const today = dayOf(now() || Date.now(), zone.value);
  const [day, setDay] = useState(today);
  const [batches, setBatches] = useState<Batch[] | null>(null);
  const [count, setCount] = useState({ batches: 0, total: 0n });
  const [found, setFound] = useState<ReconcileResponse | null>(null);
  const [error, setError] = useState('');
  const [again, setAgain] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    setFound(null);
    const load = async () => {
      const service = await settlement();
      const rows: Batch[] = [];
      let after = '';
      do {
        const page = await service.listBatches({ cityId: city.value, businessDay: day, pageSize: 1000, afterBatchId: after }, { ...deadline, signal: stop.signal });
        rows.push(...page.batches);
        after = page.nextAfterBatchId;
        setCount({ batches: page.batchCount, total: page.totalFen });
      } while (after);
      setBatches(rows);
      setError('');
    };
    load().catch((failure: unknown) => {
      if (stop.signal.aborted) return;
      setBatches(null);
      setError(refusalText(refusal(failure)));
    });
    return () => stop.abort();
  }, [day, again]);
  const reread = () => setAgain((n) => n + 1);
  const step = (title: string, run: () => Promise<string>) => void single(title, run).then(reread);
  const about = { cityId: city.value, businessDay: day };
  const reads = role.value === 'auditor';
  const close = () => (dialog.value = { kind: 'confirm', title: `${t('settle_close')} · ${day}`, note: t('settle_close_note'), run: () => step(t('settle_close'), async () => {
    const told = await (await settlement()).closeDay({ ...about, actor: actor() }, SLOW);
    return t('settle_closed', told.businessDay, String(told.entries), fen(told.totalFen));
  }) });
  const prepare = () => step(t('settle_prepare'), async () => {
    const told = await (await settlement()).prepareBatches({ ...about, payee: '', actor: actor() }, SLOW);
    return t('settle_prepared', told.prepared, told.batchCount, fen(told.totalFen));
  });
  const approve = (batch: Batch) => (dialog.value = { kind: 'confirm', title: `${t('settle_approve')} · ${batch.batchId}`, note: `${batch.payee}: ${fen(batch.totalFen)}. ${t('settle_second')}.`, run: () => step(t('settle_approve'), async () => {
    const told = await (await settlement()).approveBatch({ cityId: city.value, batchId: batch.batchId, actor: actor() }, SLOW);
    return `${batch.batchId}: ${told.batch?.state ?? ''}`;
  }) });
  const reconcile = () => void single(t('settle_reconcile'), async () => {
    const told = await (await settlement()).reconcile({ ...about, actor: actor() }, SLOW);
    setFound(told);
    return told.clean ? t('settle_clean') : `${t('settle_exceptions')}: ${told.exceptionCount}`;
  });
  const get = (batch: Batch) => void download(batch).then((name) => say(name), (failure: unknown) => setError(refusalText(refusal(failure))));
  return (
    <section class="page" aria-labelledby="settle-title">
      <header>
        <h2 id="settle-title">{t('settle_title')}</h2>
        <label>{t('settle_day')} <input type="date" value={day} max={today} onChange={(event) => event.currentTarget.value && setDay(event.currentTarget.value)} /></label>
        <button type="button" onClick={reread}>{t('settle_read')}</button>
        {!reads && <>
          <button type="button" disabled={busy.value} onClick={close}>1. {t('settle_close')}</button>
          <button type="button" disabled={busy.value} onClick={prepare}>2. {t('settle_prepare')}</button>
          <button type="button" disabled={busy.value} onClick={reconcile}>4. {t('settle_reconcile')}</button>
        </>}
        {busy.value && <span class="small" role="status">{t('acting')}</span>}
      </header>
      <p class="note">{t('settle_second')}</p>
      {error && <p class="refused" role="status">{error}</p>}
      {batches && (batches.length ? (
        <>
          <p>{t('settle_sum', count.batches, fen(count.total))}</p>
          <table class="batches" data-testid="batches">
            <thead><tr><th scope="col">{t('settle_payee')}</th><th scope="col">{t('settle_state')}</th><th class="number">{t('settle_items')}</th><th class="number">{t('settle_total')}</th><th class="number">{t('settle_carried')}</th><th scope="col">{t('settle_by')}</th><th scope="col">{t('settle_approved')}</th><th>SHA-256</th><th /></tr></thead>
            <tbody>{batches.map((batch) => (
              <tr key={batch.batchId}>
                <td><b>{batch.payee}</b><div class="small">{batch.batchId}</div></td><td><span class={`tag ${batch.state.toLowerCase()}`}>{tCode('batch', batch.state)}</span></td><td class="number">{batch.itemCount}</td><td class="number">{fen(batch.totalFen)}</td><td class="number">{fen(batch.carriedFen)}</td><td>{batch.preparedBy}</td><td>{batch.approvedBy || '–'}</td>
                <td><code title={batch.fileSha256}>{batch.fileSha256.slice(0, 10)}</code></td>
                <td class="acts">{batch.state === 'SEALED' && !reads && <button type="button" class="main" disabled={busy.value} onClick={() => approve(batch)}>3. {t('settle_approve')}</button>}{batch.fileSha256 && <button type="button" onClick={() => get(batch)}>↓ {t('settle_download')}</button>}</td>
              </tr>
            ))}</tbody>
          </table>
        </>
      ) : <p class="empty">{t('settle_none')}</p>)}
      {found && <section><h3>{t('settle_exceptions')}</h3><Exceptions told={found} /></section>}
    </section>
  );
}
