// Runs before the first paint, hence no module: light or dark, as chosen or as the system says.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try {
      return localStorage.getItem("livequeue.theme") ?? "auto";
    } catch {
      return "auto";
    }
  };
  const apply = () => {
    const theme = chosen();
    const dark = theme === "dark" || (theme === "auto" && system.matches);
    document.documentElement.dataset.bsTheme = dark ? "dark" : "light";
    document.documentElement.dataset.theme = theme;
  };
  apply();
  system.addEventListener("change", apply);
  document.addEventListener("livequeue:theme", apply);
})();
