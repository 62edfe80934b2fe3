"use strict";

// What people touch, and what they are told.

const KEYS = { r: "record", m: "mark", s: "snapshot", p: "pause", " ": "pause", f: "mirror", u: "raw", t: "trails" }; // as in the window
const SAID = { track: "tracking", search: "searching", coast: "looking again", none: "waiting" };
const recording = { name: null, since: 0 };
let announced = { state: "", at: 0, timer: 0 };
let toastTimer = 0;
let restyled = -Infinity;

const styles = () => [...document.querySelectorAll("#parts input, #switches input")];
const off = (input) => "off" in input.dataset; // its word takes something away
function ask(action, value) {
  if (!send(value === undefined ? { ask: action } : { ask: action, value })) toast("keycam does not answer; try again in a moment");
}

// ---------------------------------------------------------------- told

function announce(text) { by("announce").textContent = text; }

function toast(text, bad = true) {
  clearTimeout(toastTimer);
  const box = by("toast");
  box.textContent = text;
  box.classList.toggle("good", !bad);
  box.hidden = false;
  toastTimer = setTimeout(() => { box.hidden = true; }, bad ? 8000 : 3500);
}

function veil(text) {
  by("veil").hidden = !text;
  by("veil-text").textContent = text;
}

function arrived() { if (live.connected && !live.opening) veil(""); }

function setState(pose) {
  const state = live.connected ? pose?.state ?? "none" : "none";
  const pill = by("state");
  if (pill.dataset.state !== state) {
    pill.dataset.state = stage.dataset.state = state;
    pill.textContent = SAID[state];
    by("hud-state").textContent = SAID[state];
    clearTimeout(announced.timer); // a state that does not last is not worth a word
    announced.timer = setTimeout(() => {
      if (announced.state !== state) announce(SAID[state]);
      announced.state = state;
    }, 900);
  }
  const count = pose?.subjects.length ?? 0;
  overlay.setAttribute("aria-label", pose ? `Live picture: ${SAID[state]}, ${count} ${count === 1 ? "subject" : "subjects"}` : "No picture yet");
}

function onConnection(why) {
  veil(why || (live.shown ? "" : "Waiting for the first picture …"));
  document.body.classList.toggle("lost", Boolean(why));
  if (why) { setState(null); announce(why); }
}

function onScene(scene) {
  live.opening = false;
  live.shown?.bitmap?.close();
  live.shown = null;
  trails.clear();
  ages.length = 0;
  veil("Waiting for the first picture …");
  for (const id of ["record", "mark", "snapshot", "pause", "mirror", "raw", "trails"]) by(id).hidden = !scene.actions.includes(id);
  by("invite").hidden = !scene.invites;
  by("choices").hidden = !scene.offers;
  by("what").hidden = Boolean(scene.offers);
  by("what").textContent = `${scene.source} · ${scene.model}`;
  if (scene.offers) {
    fill(by("source"), scene.offers.sources, scene.offers.source);
    fill(by("model"), scene.offers.models, scene.offers.model);
  }
  redraw();
}

function fill(list, names, chosen) {
  list.replaceChildren(...names.map((name, n) => new Option(name, n, n === chosen, n === chosen)));
}

function onStatus(status) {
  const { controls } = status;
  showStatus(status);
  for (const [id, on] of [["pause", controls.paused], ["mirror", controls.mirrored], ["raw", controls.raw], ["trails", controls.trails], ["record", Boolean(controls.recording)]]) {
    by(id).setAttribute("aria-pressed", String(on));
  }
  by("pause").querySelector("span").textContent = controls.paused ? "Go on" : "Pause";
  stage.classList.toggle("nohud", !style().hud);
  const words = controls.style.split(",");
  if (performance.now() > restyled + 800) { // what was just chosen here is still on its way
    for (const input of styles()) input.checked = words.includes(input.value) !== off(input);
  }
  showRecording(controls.recording);
  const notice = status.notice || status.said;
  if (notice && notice !== onStatus.notice) toast(notice, Boolean(status.notice));
  onStatus.notice = notice;
  redraw();
}

function showRecording(name) {
  if (name !== recording.name) {
    if (recording.name !== null || name !== null) announce(name ? `recording to ${name}` : "recording ended");
    recording.name = name;
    recording.since = performance.now();
  }
  const seconds = Math.floor((performance.now() - recording.since) / 1000);
  const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  by("rec").hidden = !name;
  by("rec-time").textContent = name ? `${time} · ${name}` : "";
  by("record").querySelector("span").textContent = name ? "Stop" : "Record";
  document.title = name ? "● keycam" : "keycam";
}

function onWord(table) {
  if (table.kind === "opening") {
    live.opening = true; // what still comes is of the one before
    veil(`Opening ${table.what} …`);
    announce(`Opening ${table.what}`);
  }
  if (table.kind === "refused") toast(table.why);
  else if (table.kind === "invited") showCode(table);
}

function showCode({ url, code }) {
  const canvas = by("code");
  const border = 3;
  canvas.width = canvas.height = code.length + 2 * border;
  const own = canvas.getContext("2d");
  own.fillStyle = "#fff";
  own.fillRect(0, 0, canvas.width, canvas.height);
  own.fillStyle = "#000";
  code.forEach((row, y) => [...row].forEach((module, x) => { if (module === "1") own.fillRect(x + border, y + border, 1, 1); }));
  by("invited-url").textContent = url;
  by("invited").showModal();
}

// ---------------------------------------------------------------- touched

for (const id of ["record", "pause", "mirror", "raw", "trails"]) {
  by(id).addEventListener("click", () => ask(id, by(id).getAttribute("aria-pressed") !== "true"));
}
for (const id of ["mark", "snapshot"]) by(id).addEventListener("click", () => ask(id));
by("invite").addEventListener("click", () => send({ invite: true }));
by("wide").addEventListener("click", () => {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.().catch(() => {});
});
document.addEventListener("fullscreenchange", () => document.body.classList.toggle("wide", Boolean(document.fullscreenElement)));
if (!document.documentElement.requestFullscreen) by("wide").hidden = true;

for (const id of ["source", "model"]) {
  by(id).addEventListener("change", () => send({ choose: { [id]: Number(by(id).value) } }));
}
by("choices").addEventListener("submit", (event) => event.preventDefault());

function restyle() { // what this page has no switch for stays
  const known = styles().map((input) => input.value);
  const kept = (live.status?.controls.style ?? "").split(",").filter((word) => word && !known.includes(word) && word !== "nothing");
  const set = styles().filter((input) => input.checked !== off(input));
  restyled = performance.now();
  ask("style", [...set.map((input) => input.value), ...kept].join(","));
}
for (const input of styles()) input.addEventListener("change", restyle);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || by("invited").open) return;
  if (event.target.matches("select")) return;
  if (event.key === " " && event.target.matches("button, input, summary")) return; // it presses that
  const key = event.key.toLowerCase();
  if (key === "d") ask("style");
  else if (key === "h") by("help").open = !by("help").open;
  else if (KEYS[key] && !by(KEYS[key]).hidden) by(KEYS[key]).click();
});

history.replaceState(null, "", "/"); // the token is used up, and nobody's business
setInterval(() => { if (recording.name) showRecording(recording.name); }, 500);
connect();
