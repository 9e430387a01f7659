// Letters for the map's labels, drawn by the browser's own font: no font server is asked. MapLibre wants them as distance fields in its glyph files' form
// (glyphs.proto of Mapbox); Chinese it draws by itself.
import TinySDF from '@mapbox/tiny-sdf';

const FONT_PX = 24, BUFFER_PX = 3, BASELINE_PX = 27; // MapLibre measures `top` from here
const sdf = new TinySDF({ fontSize: FONT_PX, buffer: BUFFER_PX, radius: 8, cutoff: 0.25, fontFamily: 'system-ui, sans-serif', fontWeight: '500' });

/** Protocol buffers as far as glyphs need them. */
class Bytes {
  private readonly out: number[] = [];
  number(value: number): void {
    let rest = value >>> 0;
    while (rest > 127) {
      this.out.push((rest & 127) | 128);
      rest >>>= 7;
    }
    this.out.push(rest);
  }
  field(tag: number, value: number): void {
    this.number(tag << 3);
    this.number(value);
  }
  signed(tag: number, value: number): void {
    this.field(tag, (value << 1) ^ (value >> 31));
  }
  bytes(tag: number, value: ArrayLike<number>): void {
    this.number((tag << 3) | 2);
    this.number(value.length);
    for (let i = 0; i < value.length; i++) this.out.push(value[i]!);
  }
  done(): Uint8Array {
    return Uint8Array.from(this.out);
  }
}

function glyph(code: number): Uint8Array | null {
  const character = String.fromCharCode(code);
  if (/[\p{C}]/u.test(character)) return null;
  const drawn = sdf.draw(character), out = new Bytes();
  out.field(1, code);
  if (drawn.glyphWidth && drawn.glyphHeight) out.bytes(2, drawn.data);
  out.field(3, drawn.glyphWidth);
  out.field(4, drawn.glyphHeight);
  out.signed(5, Math.round(drawn.glyphLeft));
  out.signed(6, Math.round(drawn.glyphTop - BASELINE_PX));
  out.field(7, Math.round(drawn.glyphAdvance));
  return out.done();
}

/** "glyphs://sans-serif/0-255" -> the file. */
export function glyphFile(url: string): ArrayBuffer {
  const [, name = '', range = '0-255'] = /^glyphs:\/\/([^/]*)\/(\d+-\d+)/.exec(url) ?? [];
  const [first = 0, last = 255] = range.split('-').map(Number);
  const stack = new Bytes(), text = new TextEncoder();
  stack.bytes(1, text.encode(name));
  stack.bytes(2, text.encode(range));
  for (let code = first; code <= last; code++) {
    const one = glyph(code);
    if (one) stack.bytes(3, one);
  }
  const out = new Bytes();
  out.bytes(1, stack.done());
  const file = out.done();
  return file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength) as ArrayBuffer;
}
