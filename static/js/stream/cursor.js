// A cursor is "epoch-seq"; seq rises over all epochs of one database.

export function sequence(cursor) {
  return Number(cursor.slice(cursor.lastIndexOf("-") + 1));
}

// False for an event at or before the cursor: it was delivered already.
export function isAfter(id, cursor) {
  if (!cursor) return true;
  const sameEpoch = id.slice(0, id.lastIndexOf("-")) === cursor.slice(0, cursor.lastIndexOf("-"));
  return !sameEpoch || sequence(id) > sequence(cursor);
}
