// What is followed, and how far: the topics, which of them have ended, and the one cursor that every
// transport moves. Nothing is delivered twice.

import { isAfter } from "./cursor.js";

export class Subscription {
  #ended = new Set();

  // handlers: event, position, reset, end and gone, as of Stream
  constructor({ topics, cursor, handlers }) {
    this.topics = topics;
    this.cursor = cursor;
    this.on = handlers;
  }

  // The topics that have not ended.
  get left() {
    return this.topics.filter((topic) => !this.#ended.has(topic));
  }

  follow(topics, cursor) {
    this.topics = topics;
    this.cursor = cursor;
    for (const topic of topics) this.#ended.delete(topic);
  }

  carries(topics) {
    const { left } = this;
    return topics.every((topic) => left.includes(topic));
  }

  // Tasks that are no more must not keep the rest from arriving. True if that was it.
  drop(topics) {
    const gone = this.topics.filter((topic) => topics.includes(topic));
    if (gone.length === 0 || gone.length === this.topics.length) return false;
    this.topics = this.topics.filter((topic) => !gone.includes(topic));
    for (const topic of gone) this.on.gone(topic);
    return true;
  }

  take(type, id, body) {
    if (type === "HELLO") {
      // With a cursor of our own, HELLO must not move it: a RESET may follow and get lost.
      this.cursor ??= id || null;
    } else if (type === "HEARTBEAT") {
      if (id && isAfter(id, this.cursor)) this.cursor = id;
      this.on.position(this.cursor);
    } else if (type === "RESET") {
      this.cursor = id;
      this.on.reset(body.reason ?? null);
    } else if (type === "END") {
      this.#ended.add(body.topic);
      this.on.end(body.topic);
    } else if (isAfter(id, this.cursor)) {
      this.cursor = id;
      this.on.event(body);
    }
  }

  takeAnswer(answer) {
    if (answer.reset) this.take("RESET", answer.cursor, answer.reset.reason ? answer.reset : { reason: answer.reset });
    const { topics } = this;
    for (const event of answer.events) {
      this.take(event.type, event.id, event);
      if (this.topics !== topics) return; // the rest of this answer lacks the new topic: ask again
    }
    this.cursor = answer.cursor;
    this.on.position(this.cursor);
    for (const topic of answer.ended ?? []) this.take("END", null, { topic });
  }
}
