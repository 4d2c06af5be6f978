// A cursor is "epoch-seq": a server's life, and a number that rises over all lives of one database.
// A client compares the numbers only: where another database begins, the server says RESET.

export function sequence(cursor) {
  return Number(cursor.slice(cursor.lastIndexOf("-") + 1));
}

export function epoch(cursor) {
  return cursor.slice(0, cursor.lastIndexOf("-"));
}

// False for an event at or before the cursor: it was delivered already.
export function isAfter(id, cursor) {
  return !cursor || sequence(id) > sequence(cursor);
}

export function lower(one, other) {
  if (!one || !other) return one ?? other;
  return sequence(one) <= sequence(other) ? one : other;
}
