// A log as the server answers for it: logs, and logs/index in pieces as small as one likes.

export class LogServer {
  lines = []; // { n, text }
  piece = 100; // lines looked at in one answer
  asked = [];

  constructor(count = 0, text = (n) => `line ${n}`) {
    this.text = text;
    this.grow(count);
  }

  grow(count) {
    for (let at = 0; at < count; at += 1) {
      const n = this.lines.length + 1;
      this.lines.push({ n, text: this.text(n) });
    }
  }

  get last() {
    return this.lines.length;
  }

  hits({ text }, q) {
    return [...text.matchAll(q)].map((match) => [match.index, match.index + match[0].length]);
  }

  index = (q) => async ({ from = 1, to = this.last }) => {
    this.asked.push({ from, to });
    const begin = Math.max(from, to - this.piece + 1);
    const looked = this.lines.slice(begin - 1, to);
    const hits = looked.map((line) => this.hits(line, q).length);
    const matching = hits.filter((count) => count > 0).length;
    const occurrences = hits.reduce((sum, count) => sum + count, 0);
    return {
      blocks: looked.length > 0 ? [[begin, to, matching, occurrences]] : [],
      lines: looked.length,
      next: begin > from ? begin - 1 : null,
      first: 1,
      last: this.last,
    };
  };

  read = (q) => async ({ from = 1, to = this.last, limit = 1000 }) => {
    this.asked.push({ from, to, limit });
    const lines = this.lines.slice(from - 1, to).map((line) => ({ ...line, hits: this.hits(line, q) }));
    return { lines: lines.filter((line) => line.hits.length > 0).slice(0, limit), total: this.last };
  };
}

// Waits until something holds, letting whatever is due happen.
export async function until(holds, words = "it never came true") {
  for (let round = 0; round < 2000; round += 1) {
    if (holds()) return;
    await new Promise((resume) => setTimeout(resume, 2));
  }
  throw new Error(words);
}
