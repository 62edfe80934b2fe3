"use strict";

// The numbers beside the picture.

const SPARK = 180; // frames
const ages = []; // {age, dropped}
const NAMES = { grab: "wait", crop: "crop", infer: "infer", track: "track", process: "process", draw: "draw" };
let sparkDue = 0;

function onNumbers(pose) {
  ages.push({ age: pose.age, dropped: pose.dropped });
  if (ages.length > SPARK) ages.shift();
  const now = performance.now();
  if (now < sparkDue) return;
  sparkDue = now + 120; // faster cannot be read
  drawSpark();
  const middle = median(ages.slice(-15).map((own) => own.age));
  const screen = screenAge();
  by("age").textContent = (screen ?? middle).toFixed((screen ?? middle) < 10 ? 1 : 0);
  by("age-what").textContent = screen === null ? "ms in loop" : `ms here, ${middle.toFixed(0)} in loop`;
  by("hud-age").textContent = `${(screen ?? middle).toFixed(0)} ms`;
  setState(pose);
}

function screenAge() { // of the picture shown, from its capture; only cameras tell when that was
  const pose = live.shown?.ahead ?? live.shown?.pose;
  if (!live.scene?.live || live.clock === null || !pose || live.status?.controls.paused) return null;
  return Math.max(performance.now() + live.clock - pose.time, 0);
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

function drawSpark() {
  const canvas = by("spark");
  const ratio = devicePixelRatio || 1;
  const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  if (!width || !height) return;
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const css = getComputedStyle(document.body);
  const ink = css.getPropertyValue("--main");
  const own = canvas.getContext("2d");
  own.clearRect(0, 0, width, height);
  const values = ages.map((one) => one.age);
  const top = nice(Math.max(...values, 1));
  const place = (n) => [(n + SPARK - ages.length) / (SPARK - 1) * width, height - 2 * ratio - values[n] / top * (height - 6 * ratio)];
  own.lineJoin = "round";
  own.lineWidth = 1.5 * ratio;
  own.strokeStyle = ink;
  own.beginPath();
  values.forEach((_, n) => own.lineTo(...place(n)));
  own.stroke();
  if (values.length > 1) {
    own.lineTo(width, height);
    own.lineTo(place(0)[0], height);
    own.globalAlpha = 0.14;
    own.fillStyle = ink;
    own.fill();
    own.globalAlpha = 1;
  }
  own.fillStyle = css.getPropertyValue("--bad");
  ages.forEach((one, n) => { if (one.dropped) own.fillRect(place(n)[0] - ratio, height - 4 * ratio, 2 * ratio, 4 * ratio); });
  by("spark-top").textContent = `0 to ${top} ms`;
  canvas.setAttribute("aria-label", `Age of the last ${values.length} frames, now ${values.at(-1)?.toFixed(0)} ms, at most ${Math.max(...values, 0).toFixed(0)} ms`);
}

function nice(value) { // 1, 2 or 5 times a power of ten, not less
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

function showStatus(status) {
  by("fps").textContent = status.fps === undefined ? "–" : status.fps.toFixed(status.fps < 10 ? 1 : 0);
  by("hud-fps").textContent = status.fps === undefined ? "" : `${status.fps.toFixed(0)} fps`;
  by("dropped").textContent = status.dropped ?? "–";
  by("hud-dropped").textContent = status.dropped ? `${status.dropped} dropped` : "";
  const all = (status.dropped ?? 0) + (status.frames ?? 0);
  by("dropped-share").textContent = all ? `of ${all}` : "";
  by("engine").textContent = `${live.scene?.model ?? ""} on ${status.engine}`;
  const stages = Object.entries(status.stages ?? {}).filter(([name]) => name !== "loop" && name !== "grab");
  const most = Math.max(...stages.map(([, own]) => own), 0.1);
  by("loop-ms").textContent = stages.length ? `${stages.reduce((sum, [, own]) => sum + own, 0).toFixed(1)} ms a frame` : "";
  const rows = by("stages");
  if (rows.dataset.names !== stages.map(([name]) => name).join()) {
    rows.dataset.names = stages.map(([name]) => name).join();
    rows.replaceChildren(...stages.flatMap(([name]) => {
      const [term, value, bar, number] = ["dt", "dd", "i", "span"].map((tag) => document.createElement(tag));
      term.textContent = NAMES[name] ?? name;
      value.append(bar, number);
      return [term, value];
    }));
  }
  stages.forEach(([, own], n) => {
    const [bar, number] = rows.querySelectorAll("dd")[n].children;
    bar.style.width = `${own / most * 70}%`;
    number.textContent = own.toFixed(2);
  });
}
