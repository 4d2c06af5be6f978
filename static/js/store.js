// The tasks this page shows, by id. An event is applied when it is the next version; older ones
// are dropped, and a gap means the task has to be fetched again.

export class Store {
  #tasks = new Map();

  // changed(id, task, before): after every change; task is null once deleted.
  constructor(changed = () => {}) {
    this.changed = changed;
  }

  get(id) {
    return this.#tasks.get(id);
  }

  has(id) {
    return this.#tasks.has(id);
  }

  values() {
    return this.#tasks.values();
  }

  // A new snapshot; what is not in it is forgotten.
  replace(tasks) {
    this.#tasks = new Map(tasks.map((task) => [task.id, task]));
  }

  forget(id) {
    this.#tasks.delete(id);
  }

  // A whole task, read some time ago: an older one than ours is dropped.
  put(task) {
    const before = this.#tasks.get(task.id);
    if (before && before.version >= task.version) return false;
    this.#set(task, before);
    return true;
  }

  // -> "applied", "old", "gap" (fetch the task), "unknown" (not on this page) or "deleted"
  apply(event) {
    const { data } = event;
    const before = this.#tasks.get(data.id);
    if (event.type === "TASK_CREATED") {
      if (!before) return "unknown";
      return this.put(data) ? "applied" : "old";
    }
    if (!before) return "unknown";
    if (event.type === "TASK_DELETED") {
      this.#tasks.delete(data.id);
      this.changed(data.id, null, before);
      return "deleted";
    }
    if (data.version <= before.version) return "old";
    if (data.version > before.version + 1) return "gap";
    this.#set({ ...before, ...data }, before);
    return "applied";
  }

  #set(task, before) {
    this.#tasks.set(task.id, task);
    this.changed(task.id, task, before);
  }
}
