// Terminal colours that can be read on our pages, light and dark.

// The sixteen, as they are where a background is asked for too; alone they are in log-line.css.
const SIXTEEN = [
  0x000000, 0xcd3131, 0x0dbc79, 0xe5e510, 0x2472c8, 0xbc3fbc, 0x11a8cd, 0xe5e5e5,
  0x666666, 0xf14c4c, 0x23d18b, 0xf5f543, 0x3b8eea, 0xd670d6, 0x29b8db, 0xffffff,
].map(bytes);
const STEPS = [0, 95, 135, 175, 215, 255]; // of the 6 x 6 x 6 cube
// What a line stands on when the pointer is over it: the lesser contrast of the two it can have.
const THEMES = {
  light: { ink: bytes(0x212529), paper: bytes(0xf6f7f9) },
  dark: { ink: bytes(0xdde1e6), paper: bytes(0x1b1f24) },
};
const CONTRAST = 4.5; // AA
const DIM = 0.35; // of the way to the background
const KEPT = 1000;

const known = new Map();

// Which of the sixteen a colour is, such as "31" or "38;5;1"; null for all others.
export function index(colour) {
  const [code, kind, number] = colour.split(";").map(Number);
  if (kind === 5 && number < 16) return number;
  if (kind !== undefined || !code) return null;
  return code >= 90 ? 8 + (code % 10) : code % 10;
}

// { light: { ink, paper }, dark: ... } as CSS colours, with paper null where there is none.
export function colours({ foreground, background, inverse, dim }) {
  const key = `${foreground}|${background}|${inverse}|${dim}`;
  let found = known.get(key);
  if (!found) {
    if (known.size >= KEPT) known.clear(); // a gradient ran through; the next one starts anew
    found = Object.fromEntries(Object.keys(THEMES).map((theme) => {
      let ink = value(foreground) ?? THEMES[theme].ink;
      let paper = value(background) ?? THEMES[theme].paper;
      if (inverse) [ink, paper] = [paper, ink];
      if (dim) ink = mixed(ink, paper, DIM);
      return [theme, { ink: css(legible(ink, paper)), paper: background || inverse ? css(paper) : null }];
    }));
    known.set(key, found);
  }
  return found;
}

// The ratio of WCAG, 1 to 21.
export function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

// As little nearer to black or white as it takes to be read on `paper`.
function legible(ink, paper) {
  if (contrast(ink, paper) >= CONTRAST) return ink;
  const end = luminance(paper) > 0.179 ? [0, 0, 0] : [255, 255, 255];
  let [low, high] = [0, 1];
  for (let step = 0; step < 8; step += 1) {
    const middle = (low + high) / 2;
    if (contrast(mixed(ink, end, middle), paper) >= CONTRAST) high = middle;
    else low = middle;
  }
  return mixed(ink, end, high);
}

function value(colour) {
  const [, kind, ...numbers] = colour.split(";").map(Number);
  if (kind === 2) return numbers;
  const sixteen = index(colour);
  if (sixteen !== null) return SIXTEEN[sixteen];
  if (kind !== 5) return null;
  const [number] = numbers;
  if (number >= 232) return Array(3).fill(8 + 10 * (number - 232));
  return [36, 6, 1].map((place) => STEPS[Math.floor((number - 16) / place) % 6]);
}

function luminance(colour) {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function mixed(from, to, share) {
  return from.map((part, at) => Math.round(part + (to[at] - part) * share));
}

function bytes(hex) {
  return [hex >> 16, (hex >> 8) & 255, hex & 255];
}

function css(colour) {
  return `rgb(${colour.join(" ")})`;
}
