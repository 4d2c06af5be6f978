// An answer of whoever is there, of which no more is read than may be ours: it may be endless.

const MOST = 256 * 1024; // characters; all that is ours is far shorter

// Its text, piece by piece as it arrives. What is left after MOST is not fetched.
export async function* pieces(response) {
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let left = MOST;
  try {
    while (left > 0) {
      const { value, done } = await reader.read();
      if (done) return;
      yield value.slice(0, left);
      left -= value.length;
    }
  } finally {
    reader.cancel().catch(() => {}); // it had broken off already
  }
}

export async function beginning(response) {
  let text = "";
  for await (const piece of pieces(response)) text += piece;
  return text;
}

// Throws SyntaxError when it is no JSON.
export async function json(response) {
  return JSON.parse(await beginning(response));
}
