// Runs `flush` soon after it was asked for, once however often that was: with the next frame, at
// most every `pause` milliseconds; by a timer where there are no frames (hidden pages).

export function batched(flush, pause = 80) {
  let timer = 0;
  let frame = 0;
  let last = 0;

  const run = () => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    timer = 0;
    last = performance.now();
    flush();
  };
  return () => {
    if (timer) return;
    const wait = Math.max(0, last + pause - performance.now());
    timer = setTimeout(() => {
      if (document.hidden) return run();
      frame = requestAnimationFrame(run);
      timer = setTimeout(run, 500); // should the page become hidden before the frame
      return undefined;
    }, wait);
  };
}
