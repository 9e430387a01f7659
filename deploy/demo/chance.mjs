// Seeded chance: the same seed and name give the same numbers on every machine. Each subject draws from its own stream, so that one
// courier's luck does not depend on how fast another's calls came back.
function hash(text) {
  let h = 2166136261;
  for (const c of text) h = Math.imul(h ^ c.codePointAt(0), 16777619);
  return h >>> 0;
}

export function chance(seed, name) {
  let [a, b, c, d] = [hash(`${seed}/${name}`), hash(`${name}/${seed}`), 0x9e3779b9, 1]; // sfc32 (Chris Doty-Humphrey, PractRand)
  const u32 = () => {
    const t = (a + b + d++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) u32();
  const unit = () => u32() / 4294967296;
  return {
    unit,
    below: (n) => Math.floor(unit() * n),
    between: (low, high) => low + (high - low) * unit(),
    pick: (list) => list[Math.floor(unit() * list.length)],
    is: (probability) => unit() < probability,
    normal: () => Math.sqrt(-2 * Math.log(1 - unit())) * Math.cos(2 * Math.PI * unit()),
    shuffle(list) {
      const out = [...list];
      for (let i = out.length - 1; i > 0; i--) {
        const j = Math.floor(unit() * (i + 1));
        [out[i], out[j]] = [out[j], out[i]];
      }
      return out;
    },
  };
}
