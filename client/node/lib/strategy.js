"use strict";

const prime = 1099511628211n;
const wide = (n) => BigInt.asUintN(64, n);

function mix(h) {
  h ^= h >> 33n;
  h = wide(h * 0xff51afd7ed558ccdn);
  h ^= h >> 33n;
  h = wide(h * 0xc4ceb9fe1a85ec53n);
  return h ^ (h >> 33n);
}

/** FNV-1a of the UTF-8 bytes, mixed: the hash of the registry, so that both choose the same instance for a key. */
function hash(text) {
  let h = 14695981039346656037n;
  for (const byte of Buffer.from(text)) h = wide((h ^ BigInt(byte)) * prime);
  return mix(h);
}

/** What chooses among a list of instances, made anew when the list changes. It gives undefined for an empty list. */
const strategies = {
  round_robin(list, state) {
    return () => list[state.turn++ % list.length];
  },
  random(list) {
    return () => list[Math.floor(Math.random() * list.length)];
  },
  weighted(list) {
    let total = 0;
    const sums = list.map((instance) => (total += instance.weight));
    return () => {
      const n = Math.random() * total;
      let low = 0;
      let high = list.length - 1;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (sums[middle] > n) high = middle;
        else low = middle + 1;
      }
      return list[low];
    };
  },
  // Rendezvous hashing: the highest score of key and instance wins, so that few keys move
  // when instances come and go. It does not look at weights.
  hash(list) {
    const hashes = list.map((instance) => hash(instance.instanceId));
    return (key) => {
      if (typeof key !== "string" || key === "") throw new TypeError("pick: the strategy hash needs a key");
      const h = hash(key);
      let best;
      let high = -1n;
      for (let i = 0; i < list.length; i++) {
        const score = mix(h ^ hashes[i]);
        if (score > high || (score === high && list[i].instanceId < best.instanceId)) {
          best = list[i];
          high = score;
        }
      }
      return best;
    };
  },
};

module.exports = { strategies };
