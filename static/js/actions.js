// Cancel, retry, delete: one task or many. Asks before what cannot be undone.

import { api } from "./api.js";
import { confirm } from "./dialogs.js";

export class Actions {
  // changed(task), deleted(id): what the server answered
  constructor({ context, changed, deleted }) {
    this.context = context;
    this.changed = changed;
    this.deleted = deleted;
  }

  async one(action, id) {
    if (!(await this.#agreed(action, [id]))) return;
    try {
      if (action === "delete") {
        await this.#send("DELETE", `api/tasks/${id}`);
        this.deleted(id);
      } else this.changed(await this.#send("POST", `api/tasks/${id}/${action}`, {}));
    } catch (error) {
      this.#refused(this.context.t("toast.task", { id }), error.message, id);
    }
  }

  // -> whether the reader agreed
  async many(action, ids) {
    if (!(await this.#agreed(action, ids))) return false;
    const { t, announcer } = this.context;
    try {
      const { results } = await this.#send("POST", "api/tasks/batch", { action, ids });
      const failed = results.filter((result) => result.status >= 400);
      for (const result of results) {
        if (result.task) this.changed(result.task);
        else if (result.status < 400) this.deleted(result.id);
      }
      announcer.say(t("bulk.done", { count: results.length - failed.length }));
      if (failed.length > 0) {
        const detail = failed[0].problem.detail;
        this.#refused(t("notice.title"), t("bulk.failed", { count: failed.length, detail }));
      }
    } catch (error) {
      this.#refused(t("notice.title"), error.message);
    }
    return true;
  }

  #send(method, path, body) {
    return api(method, path, { body, unreachable: this.context.t("error.unreachable") });
  }

  #refused(title, text, id = null) {
    this.context.toasts.show({ level: "warning", title, text, id });
  }

  async #agreed(action, ids) {
    const { t } = this.context;
    const one = ids.length === 1;
    if (action === "retry" && one) return true;
    return confirm({
      title: one ? t(`confirm.${action}.one`, { id: ids[0] }) : t(`confirm.${action}.many`, { count: ids.length }),
      text: t(`confirm.${action}.text`),
      button: t(`confirm.${action}.yes`),
      danger: action !== "retry",
    });
  }
}
