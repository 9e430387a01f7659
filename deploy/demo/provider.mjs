// Pharmacies and clinics: they submit, approve, prepare, say ready, sometimes cancel, and give up when no courier comes. One async function
// is one order's story as its provider sees it. What the recipient must know (the one-time code) is kept in `doors`.
import { status } from './api.mjs';
import { chance } from './chance.mjs';

const GIVE_UP_MS = 5 * 3600 * 1000; // a provider that has waited so long for a courier calls the order off
const SURNAMES = ['赵', '钱', '孙', '李', '周', '吴', '郑', '王', '冯', '陈', '褚', '卫'];

export class Providers {
  constructor({ api, clock, city_id, town, seed, tally }) {
    Object.assign(this, { api, clock, city_id, town, seed, tally });
    this.doors = new Map(); // order id -> { code, absent }
  }

  recipient(order) {
    const luck = chance(this.seed, `recipient ${order.index}`);
    return { name: `${luck.pick(SURNAMES)}某${order.index}`, phone: `1390000${String(order.index % 10000).padStart(4, '0')}`, address: `示范路${1 + luck.below(400)}号${1 + luck.below(20)}单元`, at: this.town.homes[order.index] };
  }

  command(order, what, rest) {
    return { idempotency_key: `${order.key}-${what}`, city_id: this.city_id, source: order.source, order_id: order.id, ...rest };
  }

  /** A state that forbids the step (cancelled meanwhile, ended) is an answer, not a fault. */
  async step(method, request) {
    try {
      await this.api.call('OrderService', method, request);
      return true;
    } catch (error) {
      if (error.code === status.FAILED_PRECONDITION || error.code === status.ABORTED) return false;
      throw error;
    }
  }

  async play(order) {
    await this.clock.until(this.start_ms + order.at_ms);
    const answer = await (order.kind === 'test' ? this.submitTest(order) : this.submitPrescription(order));
    this.tally.submitted(order, answer);
    if (answer.order.phase === 'ORDER_PHASE_REFUSED') return;
    const seen = await this.api.call('OrderService', 'GetOrder', { city_id: this.city_id, order_id: order.id });
    this.doors.set(order.id, { code: seen.order.pickup_code, absent: order.absent, index: order.index });
    const accepted_ms = Number(seen.order.accepted_ms);
    if (order.cancel_after_ms) this.cancelLater(order, accepted_ms + order.cancel_after_ms, 'the member called it off').catch((error) => this.tally.fault('cancel', error));
    if (order.kind === 'prescription') await this.prepare(order, accepted_ms);
    this.giveUpLater(order, accepted_ms + GIVE_UP_MS).catch((error) => this.tally.fault('give up', error));
  }

  async submitPrescription(order) {
    const luck = chance(this.seed, `pharmacy of ${order.index}`);
    order.pharmacy = luck.pick(this.town.nearest(this.town.pharmacies, this.town.homes[order.index], 2));
    order.source = `pharmacy-${order.pharmacy.facility_id}`;
    const answer = await this.api.call('OrderService', 'SubmitPrescription', {
      idempotency_key: `${order.key}-submit`, city_id: this.city_id, source: order.source, member_code: order.member, pharmacy_id: order.pharmacy.facility_id,
      prescription_number: `RX-${order.key}`, prescriber_code: `DR-${1 + (order.index % 40)}`, diagnosis_code: order.chronic ? 'I10' : 'J06.9',
      issued_ms: this.clock.now() - 600000 - order.issued_days_ago * 86400000, valid_days: 3, chronic: Boolean(order.chronic), lines: order.lines, recipient: this.recipient(order),
      priority: order.urgent ? 'PRIORITY_URGENT' : 'PRIORITY_ROUTINE' });
    order.id = answer.order.order_id;
    return answer;
  }

  async submitTest(order) {
    order.source = 'clinic-online';
    const answer = await this.api.call('OrderService', 'SubmitTestOrder', { idempotency_key: `${order.key}-submit`, city_id: this.city_id, source: order.source, member_code: order.member,
      tests: order.tests, recipient: this.recipient(order), priority: order.urgent ? 'PRIORITY_URGENT' : 'PRIORITY_ROUTINE' });
    order.id = answer.order.order_id;
    return answer;
  }

  async prepare(order, accepted_ms) {
    await this.clock.until(accepted_ms + order.approve_after_ms);
    const prep_ms = order.pharmacy.prep_s * 1000 * order.prep_factor;
    const approved = await this.step('ApprovePrescription', this.command(order, 'approve', { pharmacist_code: `PH-${order.pharmacy.facility_id}-A`, approved: !order.rejected,
      reason: order.rejected ? 'dose not plausible, ask the doctor' : '', expected_ready_ms: order.rejected ? 0 : Math.round(this.clock.now() + prep_ms) }));
    if (!approved || order.rejected) return;
    await this.clock.sleep(prep_ms);
    await this.step('MarkReady', this.command(order, 'ready', { parcels: 1 }));
  }

  async cancelLater(order, at_ms, reason) {
    await this.clock.until(at_ms);
    if (this.tally.ended(order.id)) return;
    await this.step('CancelOrder', this.command(order, 'cancel', { reason }));
  }

  async giveUpLater(order, at_ms) {
    while (this.clock.now() < at_ms) {
      if (this.tally.ended(order.id) || this.over) return;
      await this.clock.sleep(Math.min(at_ms - this.clock.now(), 300000));
    }
    if (this.tally.carried(order.id) || this.tally.ended(order.id)) return;
    if (await this.step('CancelOrder', this.command(order, 'give-up', { reason: 'no courier in time' }))) this.tally.givenUp.add(order.id);
  }
}
