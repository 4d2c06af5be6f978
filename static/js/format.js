// Numbers, durations and times in words; app/wording.py says the same on the server.

const BYTE_UNITS = new Set(["B", "byte", "bytes"]);
const SIZES = ["B", "kB", "MB", "GB", "TB", "PB"];
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;

export class Wording {
  // now() -> milliseconds of the server's clock
  constructor(catalogue, now) {
    this.catalogue = catalogue;
    this.t = catalogue.t;
    this.now = now;
  }

  number(value) {
    return this.catalogue.number(value);
  }

  trouble(error) {
    return this.catalogue.trouble(error);
  }

  // A large one in few letters: 1.2M, 120万.
  compact(value) {
    return this.catalogue.compact(value);
  }

  quantity(value, unit) {
    if (BYTE_UNITS.has(unit)) return this.size(value);
    return unit ? `${this.number(value)} ${unit}` : this.number(value);
  }

  size(value) {
    let power = 0;
    while (Math.abs(value) >= 1000 && power < SIZES.length - 1) {
      value /= 1000;
      power += 1;
    }
    const scale = power && value < 100 ? 10 : 1;
    return `${this.number(Math.floor(value * scale + 0.5) / scale)} ${SIZES[power]}`;
  }

  percent(value) {
    return this.t("progress.percent", { value: Math.floor(value) });
  }

  duration(seconds) {
    const whole = Math.max(0, Math.floor(seconds));
    if (whole < 1) return this.t("duration.instant");
    if (whole < MINUTE) return this.t("duration.seconds", { seconds: whole });
    if (whole < 10 * MINUTE) {
      return this.t("duration.minutes_seconds", { minutes: div(whole, MINUTE), seconds: whole % MINUTE });
    }
    return this.#long(whole);
  }

  remaining(seconds) {
    const whole = Math.max(1, Math.ceil(seconds));
    if (whole < MINUTE) return this.t("duration.seconds", { seconds: whole });
    return this.#long(whole < HOUR - 59 ? whole + 59 : whole);
  }

  #long(whole) {
    if (whole < HOUR) return this.t("duration.minutes", { minutes: div(whole, MINUTE) });
    if (whole < DAY) {
      return this.t("duration.hours", { hours: div(whole, HOUR), minutes: div(whole % HOUR, MINUTE) });
    }
    return this.t("duration.days", { days: div(whole, DAY), hours: div(whole % DAY, HOUR) });
  }

  // A time of day here, with the day when it is another one than today.
  local(timestamp) {
    const time = new Date(timestamp);
    const two = (value) => String(value).padStart(2, "0");
    const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":");
    if (time.toDateString() === new Date(this.now()).toDateString()) {
      return `${clock}.${String(time.getMilliseconds()).padStart(3, "0")}`;
    }
    return `${two(time.getMonth() + 1)}-${two(time.getDate())} ${clock}`;
  }

  ago(timestamp) {
    if (!timestamp) return this.t("time.never");
    const age = Math.floor((this.now() - Date.parse(timestamp)) / 1000);
    if (age >= 30 * DAY) return timestamp.slice(0, 10);
    return this.age(age);
  }

  age(seconds) {
    if (seconds < 10) return this.t("time.now");
    return this.t("time.ago", { duration: this.#coarse(seconds) });
  }

  #coarse(age) {
    if (age < MINUTE) return this.t("duration.seconds", { seconds: div(age, 10) * 10 });
    if (age < HOUR) return this.t("duration.minutes", { minutes: div(age, MINUTE) });
    if (age < DAY) return this.t("duration.only_hours", { hours: div(age, HOUR) });
    return this.t("duration.only_days", { days: div(age, DAY) });
  }

  progress(task) {
    return this.progressParts(task).join("");
  }

  // The counts, which may be cut where there is little room, and all else.
  progressParts(task) {
    const { current, total, unit, status } = task;
    const parts = [];
    let counts = "";
    if (current !== null && total) {
      const part = BYTE_UNITS.has(unit) ? this.size(current) : this.number(current);
      counts = this.t("progress.of", { current: part, total: this.quantity(total, unit) });
    } else if (current !== null) counts = this.quantity(current, unit);
    if (task.progress !== null) parts.push(this.percent(task.progress));
    const duration = durationOf(task);
    if (status === "running" && task.eta_seconds !== null) {
      parts.push(this.t("progress.left", { duration: this.remaining(task.eta_seconds) }));
    } else if (status === "completed" && duration !== null) {
      parts.push(this.t("progress.took", { duration: this.duration(duration) }));
    } else if ((status === "failed" || status === "cancelled") && duration !== null) {
      parts.push(this.t("progress.after", { duration: this.duration(duration) }));
    }
    if (counts) return [counts, parts.map((part) => ` · ${part}`).join("")];
    if (parts.length > 0) return ["", parts.join(" · ")];
    if (status === "pending") return ["", this.t("progress.waiting")];
    if (status === "running" || status === "stalled") return ["", this.t("progress.unknown")];
    return ["", ""];
  }

  rate(task) {
    if (task.status !== "running" || !task.rate) return "";
    return this.t("progress.rate", { rate: this.quantity(task.rate, task.unit) });
  }
}

// Seconds a finished attempt took; events carry its ends, not its length.
export function durationOf(task) {
  if (!task.started_at || !task.finished_at) return null;
  return Math.max(0, (Date.parse(task.finished_at) - Date.parse(task.started_at)) / 1000);
}

export function exact(timestamp) {
  return timestamp ? timestamp.replace("T", " ").replace("Z", " UTC") : "";
}

export function barColour(progress) {
  if (progress === null || progress < 50) return "bg-primary";
  return progress < 100 ? "bg-info" : "bg-success";
}

export function barValue(progress) {
  return String(Math.floor(progress * 10 + 1e-6) / 10);
}

export function reason(task) {
  if (task.status === "failed" && task.error) return task.error.trim().split("\n", 1)[0].slice(0, 300);
  return task.message ?? "";
}

export function isActive(status) {
  return status === "pending" || status === "running" || status === "stalled";
}

function div(value, by) {
  return Math.floor(value / by);
}
