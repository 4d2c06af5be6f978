// Lines as a reader looks at them: the view follows the end as long as the reader is there, and
// otherwise lets nothing move under the reader's eyes.
//
// Which lines there are is a source's to know: Lines, Filtered or AllLogs. They are told apart by their
// places, whole numbers in order:
//   first, total      the first place and the last one
//   get(place)        -> line, or undefined while it is not there
//   want(first, last) these are looked at
//   take(data)        what the stream brought
//   blank(place)      -> what stands for a line that is not there yet
//   locate(line)      -> promise of its place, of that nearest to it if it is left out, or of null
//   all(first, last)  -> promise of these lines, whether they are there or not
//   changed(places), failed(error or null): set by the view that shows them; null: all are others now
// There may be: toEnd(), the reader wants to be at the newest line; known, the last place that is no new
// line's; waiting, how many new lines there are after the last place.

import { batched } from "../frame.js";
import { byId, setText } from "../page.js";
import { createLine, drawLine } from "./line.js";
import { Scroller } from "./scroller.js";
import { Selection } from "./selection.js";
import { dropSlowRule } from "./siblings.js";

const UP = ["ArrowUp", "PageUp"];

export class LogView {
  #following = true;
  #paused = null; // the last place when the reader paused
  #held = false; // a finger or a button is down on the log
  #left = 0; // the last place when the reader stopped following
  #target = null; // the line that the address names
  #revealed = null; // a line that the reader was led to, until the hit in it is in sight
  #place = null; // { line, y } that the reader was at when others came to be shown; no y: a third down
  #fresh = new Set(); // drawn lines that are to be drawn again

  // look: how lines are drawn, see drawLine; looked(first, last): these places are drawn
  // framed(): there are more lines, or others; addressed() -> the line that the address names, or null
  constructor({ context, source, look, looked = () => {}, framed, addressed }) {
    Object.assign(this, { context, look, looked, framed, addressed });
    this.box = byId("log");
    this.#soon = batched(() => this.#flush());
    this.#listenTo(source);
    this.scroller = new Scroller({
      box: this.box,
      space: byId("log-space"),
      lines: byId("log-lines"),
      head: byId("log-edge"),
      create: createLine,
      draw: (element, place) => this.#draw(element, place),
      looked: () => this.#look(),
      moved: (delta) => this.#moved(delta),
      resized: () => this.#show(),
      busy: () => this.#held,
    });
    this.selection = new Selection({
      box: this.box,
      scroller: this.scroller,
      view: this,
      range: () => ({ first: this.source.first, last: this.#last }),
      failed: (error, most) => this.#uncopied(error, most),
    });
    dropSlowRule();
    this.#listen();
    this.#extend();
    this.#frame();
    if (this.addressed() && source.total >= source.first) this.#goToAddressed();
    else this.scroller.toEnd();
  }

  #soon;

  get following() {
    return this.#following;
  }

  // The line that stays where it is when others are shown; null at the end.
  get reading() {
    return this.#following ? null : this.#reading()?.line ?? null;
  }

  // The first and the last line in sight; null where nothing is, or not yet.
  get sight() {
    const { first, last } = this.scroller.visible;
    const sight = { first: this.source.get(first), last: this.source.get(last) };
    return sight.first && sight.last ? sight : null;
  }

  // Shows the lines of another source, around what is in sight now: the hit that the reader was led
  // to, or the first line. As long as the reader does not move, other lines can be shown and these
  // again: they are where they were.
  async show(source) {
    const at = this.#following ? null : this.#reading();
    this.#listenTo(source);
    this.#paused = this.#paused === null ? null : source.total;
    this.#left = source.total;
    this.#show(this.#drawn());
    this.#place = at;
    if (!at) return;
    const place = await source.locate(at.line);
    if (this.source !== source || this.#place !== at || place === null) return;
    this.#extend();
    this.scroller.toLine(place, at.y);
    this.scroller.update(this.#drawn());
    this.#drawPill();
  }

  // Draws all lines anew, as the source has them now.
  reload() {
    if (this.#paused !== null) this.#paused = Math.min(this.#paused, this.source.total);
    this.#extend();
    this.#frame();
    if (this.#following) this.scroller.toEnd(this.#drawn());
    else this.scroller.update(this.#drawn());
  }

  // Draws all lines in another look.
  restyle(look = this.look) {
    this.look = look;
    this.scroller.restyle();
    if (this.#following) this.#show();
  }

  // Brings a line into sight; nothing moves when it is.
  async reveal(line) {
    const { source } = this;
    this.#setFollowing(false);
    this.#place = { line }; // should other lines be shown meanwhile
    const place = await source.locate(line);
    if (this.source !== source || place === null) return;
    this.#place = null;
    this.#extend();
    const { first, last } = this.scroller.visible;
    const there = place > first && place < last && this.scroller.elementOf(place);
    if (!there) this.scroller.toLine(place);
    this.#revealed = line;
    this.scroller.update(this.#drawn());
    this.#showMark();
    this.#drawPill();
  }

  // A line may be higher and wider than the view: the hit in it is what the reader went to. It is
  // there once line and hits have been read.
  #showMark() {
    const mark = this.#revealed && byId("log-lines").querySelector("mark.current");
    if (!mark) return;
    this.#revealed = null;
    mark.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  // Draws these places again.
  redraw(places = this.#drawn()) {
    this.#changed(places);
  }

  // There may be more lines to come: where there are none, there is nothing to follow.
  end(active) {
    byId("log-follow").parentElement.hidden = !active;
    byId("log-pause").hidden = !active && this.#paused === null;
  }

  follow() {
    if (this.#paused !== null) this.pause(false);
    this.source.toEnd?.();
    this.#setFollowing(true);
    this.#show();
  }

  pause(paused = this.#paused === null) {
    this.#paused = paused ? this.source.total : null;
    const button = byId("log-pause");
    button.setAttribute("aria-pressed", String(paused));
    setText(button.querySelector("span"), this.context.t(paused ? "log.resume" : "log.pause"));
    button.querySelector("i").className = `bi ${paused ? "bi-play-fill" : "bi-pause-fill"}`;
    if (paused) this.#frame();
    else this.#show(this.#drawn());
  }

  // -- drawing

  #listenTo(source) {
    if (this.source) this.source.changed = this.source.failed = () => {};
    this.source = source;
    source.changed = (places) => this.#changed(places);
    source.failed = (error) => this.trouble(error);
  }

  #draw(element, place) {
    const line = this.source.get(place);
    drawLine(element, line ?? this.source.blank(place), this.look);
    element.dataset.place = place;
    element.classList.toggle("target", this.#target !== null && line?.n === this.#target);
    return line ? line.text.length + 1 : 0;
  }

  #changed(places) {
    if (places === null) {
      this.#left = this.source.total;
      if (this.#paused !== null) this.#paused = this.source.total;
      this.reload();
      return;
    }
    const { first, last } = this.scroller.drawn;
    for (const place of places) if (place >= first && place <= last) this.#fresh.add(place);
    this.#soon();
  }

  #flush() {
    if (document.hidden) return; // drawn as soon as it is looked at
    if (this.#paused !== null) this.#frame();
    else this.#show();
  }

  #reading() {
    if (this.#place) return this.#place;
    const { first, last } = this.scroller.visible;
    const hit = byId("log-lines").querySelector("mark.current")?.closest(".log-line");
    const at = Number(hit?.dataset.place); // NaN without one
    const place = at >= first && at <= last ? at : first;
    const element = this.scroller.elementOf(place);
    const line = this.source.get(place) ?? this.source.blank(place);
    if (!element || line.n === "") return null;
    return { line, y: element.getBoundingClientRect().top - this.box.getBoundingClientRect().top - this.box.clientTop };
  }

  // Brings what is drawn up to date.
  #show(places = [...this.#fresh]) {
    this.scroller.catchUp(); // the reader may have left the end
    this.#fresh.clear();
    this.#extend();
    this.#frame();
    if (this.#following && this.#paused === null && !this.#held) this.scroller.toEnd(places);
    else this.scroller.update(places);
    this.#showMark();
    this.#drawPill();
  }

  #drawn() {
    const { first, last } = this.scroller.drawn;
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  }

  #extend() {
    this.scroller.extend(this.source.first, this.#last);
  }

  // The last line that is shown.
  get #last() {
    return this.#paused ?? this.source.total;
  }

  #frame() {
    this.box.classList.toggle("empty", this.source.total < this.source.first);
    this.#drawPill();
    this.framed();
  }

  // The way to the end, and how many lines have come there; none where the end is in sight.
  #drawPill() {
    const { t } = this.context;
    const { first, total } = this.source;
    const since = this.#paused ?? (this.#following ? total : this.#left);
    const unseen = Math.max(0, total - Math.max(since, this.source.known ?? since)) + (this.source.waiting ?? 0);
    const pill = byId("log-newer");
    const there = this.#paused === null && (this.#following || (unseen === 0 && this.scroller.atEnd));
    pill.hidden = total < first || there;
    const words = unseen > 0 ? t("log.newer", { count: unseen }) : "";
    setText(pill.querySelector("span"), words);
    pill.setAttribute("aria-label", words || t("log.end"));
  }

  // -- following

  #listen() {
    const { box } = this;
    box.addEventListener("wheel", (event) => event.deltaY < 0 && this.#leave(), { passive: true });
    box.addEventListener("keydown", (event) => this.#onKey(event));
    box.addEventListener("pointerdown", () => this.#hold(true));
    box.addEventListener("touchstart", () => this.#hold(true), { passive: true });
    for (const name of ["pointerup", "pointercancel", "touchend", "touchcancel", "blur"]) {
      addEventListener(name, (event) => {
        // A finger that scrolls takes the pointer away, but is still down.
        if (name === "pointercancel" && event.pointerType === "touch") return;
        if (!event.touches?.length) this.#hold(false);
      }, { passive: true });
    }
    // What is being selected is being read.
    document.addEventListener("selectionchange", () => this.#held && this.#selects() && this.#leave());
    document.addEventListener("visibilitychange", () => document.hidden || this.#flush());
    addEventListener("hashchange", () => this.addressed() && this.#goToAddressed());
    byId("log-newer").addEventListener("click", () => this.follow());
    byId("log-pause").addEventListener("click", () => this.pause());
    byId("log-follow").addEventListener("change", (event) => {
      if (event.target.checked) this.follow();
      else this.#setFollowing(false);
    });
  }

  #onKey(event) {
    // Browsers scroll smoothly: its first pixels would be taken back by the next line.
    if (UP.includes(event.key) || (event.key === " " && event.shiftKey)) this.#leave();
    if (event.altKey || event.metaKey || event.shiftKey || event.target !== this.box) return;
    if (event.key === "Home") {
      this.#setFollowing(false);
      this.#place = null;
      this.scroller.toLine(this.source.first, byId("log-edge").offsetHeight);
    } else if (event.key === "End") this.follow();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #hold(held) {
    if (this.#held === held) return;
    this.#held = held;
    if (!held) this.#soon();
  }

  #selects() {
    const { isCollapsed, anchorNode } = getSelection();
    return !isCollapsed && this.box.contains(anchorNode);
  }

  // The reader is about to scroll up, or to read what is in sight.
  #leave() {
    if (this.#following && this.scroller.scrolls) this.#setFollowing(false);
  }

  #moved(delta) {
    this.#revealed = null;
    this.#place = null;
    if (!this.scroller.atEnd) { // browsers move it by a part of a pixel themselves
      if (delta < 0) this.#leave();
    } else if (delta > 0 && !this.#following && this.#paused === null) this.#setFollowing(true);
    this.#drawPill();
  }

  #setFollowing(following) {
    if (this.#following === following) return;
    this.#following = following;
    this.#place = null;
    this.#left = this.source.total;
    byId("log-follow").checked = following;
    this.#frame();
  }

  #goToAddressed() {
    const line = this.addressed();
    this.#target = line.n;
    this.reveal(line);
  }

  #look() {
    const { first, last } = this.scroller.drawn;
    this.source.want(first, last);
    this.looked(first, Math.min(last, this.source.total));
  }

  // -- trouble

  trouble(error) {
    const note = byId("log-trouble");
    note.hidden = error === null;
    const { t, wording } = this.context;
    if (error) setText(note, t("log.failed", { detail: wording.trouble(error) }));
  }

  #uncopied(error, most) {
    const { t, toasts } = this.context;
    const text = error ? t("log.copy.failed", { detail: error.message }) : t("log.copy.many", { count: most });
    toasts.show({ level: "warning", title: t("log.title"), text });
  }
}
