// The door to the daemon: gRPC-Web of the page's own origin. Services come in chunks of their own when a screen first needs them.
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import type { Interceptor } from '@connectrpc/connect';
import { createGrpcWebTransport } from '@connectrpc/connect-web';
import { BoardService } from '../gen/meddispatch/v1/board_pb';
import { AccessService } from '../gen/meddispatch/v1/access_pb';
import { bearer, forgetToken, keepToken, known, signedOut, signInCode } from './session';

const DEADLINE_MS = 10000;

let code = signInCode; // '' when it has been exchanged

const signed: Interceptor = (next) => async (request) => {
  const token = bearer();
  if (token) request.header.set('authorization', `Bearer ${token}`);
  try {
    return await next(request);
  } catch (error) {
    if (ConnectError.from(error).code === Code.Unauthenticated && token === bearer() && !code) forgetToken(); // not for a call that went out before the sign-in
    throw error;
  }
};

export const transport = createGrpcWebTransport({ baseUrl: location.origin, interceptors: [signed], fetch: (input, init) => fetch(input, { ...init, credentials: 'same-origin', cache: 'no-store' }) });
export const board = createClient(BoardService, transport);
const access = createClient(AccessService, transport);
export const orders = async () => createClient((await import('../gen/meddispatch/v1/order_pb')).OrderService, transport);
export const claims = async () => createClient((await import('../gen/meddispatch/v1/claim_pb')).ClaimService, transport);
export const couriers = async () => createClient((await import('../gen/meddispatch/v1/courier_pb')).CourierService, transport);
export const routing = async () => createClient((await import('../gen/meddispatch/v1/routing_pb')).RoutingService, transport);
export const settlement = async () => createClient((await import('../gen/meddispatch/v1/settlement_pb')).SettlementService, transport);

export const deadline = { timeoutMs: DEADLINE_MS };

/** A key of a command's own: the same one goes out again when the answer was lost, so that nothing is done twice. */
export function key(): string {
  return `board-${crypto.randomUUID()}`;
}

export interface Refusal { code: string; text: string; changed: boolean; away: boolean; missing: boolean; denied: boolean }

/** An error in the page's words. `changed`: the world is not as the dispatcher saw it. */
export function refusal(error: unknown): Refusal {
  const told = ConnectError.from(error);
  return {
    code: Code[told.code], text: told.rawMessage, changed: told.code === Code.Aborted || told.code === Code.FailedPrecondition,
    away: told.code === Code.Unavailable || told.code === Code.DeadlineExceeded || told.code === Code.Unknown || told.code === Code.Canceled,
    missing: told.code === Code.Unimplemented, denied: told.code === Code.PermissionDenied || told.code === Code.Unauthenticated,
  };
}

/** Ask again while the daemon is away or full, with the same request (and so the same key); other errors are the caller's. */
export async function patiently<T>(call: () => Promise<T>, patience_ms = 15000): Promise<T> {
  const began = performance.now();
  for (let wait_ms = 200; ; wait_ms = Math.min(wait_ms * 2, 2000)) {
    try {
      return await call();
    } catch (error) {
      const { code } = ConnectError.from(error);
      const again = code === Code.Unavailable || code === Code.ResourceExhausted || code === Code.DeadlineExceeded || (code === Code.Unknown && error instanceof ConnectError && error.cause instanceof TypeError);
      if (!again || performance.now() - began > patience_ms) throw error;
      await new Promise((done) => setTimeout(done, wait_ms));
    }
  }
}

/** Exchange the link's code, once, and learn who this is. False: nobody; the page says so. Throws while the server is away. */
export async function signIn(): Promise<boolean> {
  if (code) {
    try {
      const { token, identity } = await access.signIn({ code }, deadline);
      keepToken(token);
      code = '';
      if (identity) known(identity);
      return true;
    } catch (error) {
      if (ConnectError.from(error).code !== Code.Unauthenticated) throw error;
      code = '';
      if (!bearer()) {
        signedOut.value = 'used';
        return false;
      }
    }
  }
  try {
    const { identity } = await access.whoAmI({}, deadline);
    if (identity) known(identity);
    return true;
  } catch (error) {
    if (ConnectError.from(error).code !== Code.Unauthenticated) throw error;
    return false;
  }
}
