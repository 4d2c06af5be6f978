// Tells the reader how tasks ended and what producers have to say.

const LEVELS = { TASK_COMPLETED: "success", TASK_FAILED: "danger" };

// nameOf(id) -> the task's name, or undefined when this page does not know it
export function tellOutcome(event, { context, nameOf }) {
  const { t, toasts, announcer } = context;
  const { data, type } = event;
  if (type === "NOTICE") {
    const id = data.task_id ?? null;
    toasts.show({ level: data.level, title: data.name, text: data.message, id });
    return;
  }
  const name = nameOf(data.id);
  const title = name === undefined ? t("toast.task", { id: data.id }) : `#${data.id} ${name}`;
  if (type in LEVELS) {
    const text = (data.error ?? "").trim().split("\n", 1)[0].slice(0, 300);
    toasts.show({ level: LEVELS[type], title, word: t(`status.${data.status}`), text, id: data.id });
  }
  if (name !== undefined && type !== "TASK_UPDATED" && data.status) {
    announcer.say(t("announce.changed", { id: data.id, name, status: t(`status.${data.status}`) }));
  }
}
