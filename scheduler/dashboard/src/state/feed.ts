// The stream of the city, kept alive: opens it, hands messages on in turns, notices silence and gaps, and begins anew by itself.
// What to do with messages is the store's matter; time and network come as arguments, so that it is tested without either.
import { boardApply, boardNew, changeJoin } from './board';
import type { Board, Change, Message } from './board';

export type Health = 'opening' | 'live' | 'silent' | 'gap' | 'away';

export interface FeedOptions {
  open: (signal: AbortSignal) => AsyncIterable<Message | null>;
  onChange: (board: Board, change: Change) => void;
  onTime: (now_ms: number, at: number) => void;
  onHealth: (health: Health, why: string) => void;
  now: () => number; // a monotonic stop-watch, ms
  turn_ms?: number;
  silent_ms?: number;
}

const TURN_MS = 250; // deltas of a quarter of a second are drawn at once
const SILENT_MS = 4000; // the daemon speaks every two seconds at least
const AGAIN_MS = [250, 500, 1000, 2000, 3000];

export class Feed {
  readonly board: Board = boardNew();
  private waiting: Message[] = [];
  private timer: ReturnType<typeof setTimeout> | null = null;
  private watch: ReturnType<typeof setInterval> | null = null;
  private heard = 0;
  private tries = 0;
  private stream: AbortController | null = null;
  private stopped = false;
  private health: Health = 'opening';

  constructor(private readonly options: FeedOptions) {}

  start(): void {
    this.heard = this.options.now();
    this.watch = setInterval(() => this.look(), 500);
    void this.run();
  }

  stop(): void {
    this.stopped = true;
    if (this.watch) clearInterval(this.watch);
    if (this.timer) clearTimeout(this.timer);
    this.stream?.abort();
  }

  private say(health: Health, why = ''): void {
    if (health === this.health && health === 'live') return;
    this.health = health;
    this.options.onHealth(health, why);
  }

  private look(): void {
    if (this.options.now() - this.heard < (this.options.silent_ms ?? SILENT_MS)) return;
    if (this.health === 'live' || this.health === 'opening') {
      this.say('silent');
      this.stream?.abort(); // a connection that says nothing may be dead without knowing: a new one tells
    }
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const stream = (this.stream = new AbortController());
      try {
        for await (const message of this.options.open(stream.signal)) {
          if (stream.signal.aborted) break;
          this.hear(message);
        }
        if (!this.stopped && !stream.signal.aborted) this.say('away', 'the stream ended');
      } catch (error) {
        if (!this.stopped && !stream.signal.aborted) this.say('away', error instanceof Error ? error.message : String(error));
      }
      stream.abort();
      if (this.stopped) return;
      const wait_ms = AGAIN_MS[Math.min(this.tries++, AGAIN_MS.length - 1)]!;
      await new Promise((done) => setTimeout(done, wait_ms));
      this.heard = Math.max(this.heard, this.options.now() - (this.options.silent_ms ?? SILENT_MS) + 2000);
    }
  }

  private hear(message: Message | null): void {
    this.heard = this.options.now();
    if (!message) return;
    this.options.onTime(message.now_ms, this.heard);
    this.waiting.push(message);
    if (message.kind === 'snapshot') this.flush();
    else this.timer ??= setTimeout(() => this.flush(), this.options.turn_ms ?? TURN_MS);
  }

  private flush(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const messages = this.waiting;
    this.waiting = [];
    const change = changeJoin(messages.map((message) => boardApply(this.board, message)));
    if (change.gap && !this.board.synced) {
      this.say('gap');
      this.stream?.abort();
    } else if (this.board.synced) {
      this.tries = 0;
      this.say('live');
    }
    this.options.onChange(this.board, change);
  }
}
