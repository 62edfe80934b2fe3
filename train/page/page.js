"use strict";

// What is marked (`doc`) changes only inside `change`, so that every change can be undone. What is
// looked at (`look`) is not part of it. Points are pixel indices: (0, 0) is the centre of the first
// pixel, half a pixel from the corner that the drawing counts from.

const COLORS = ["#8ecae6", "#fb8500", "#43aa8b", "#ffb703", "#f94144", "#90be6d", "#b197fc", "#4dabf7"];
const MOST_UNDO = 300;
const SHOWN_LABELS = 24;
const by = (id) => document.getElementById(id);
const stage = by("stage");

let start = null; // what the server said
let doc = null;
let look = { frame: 0, point: null, edge: null, from: null, limb: 0, adding: true, next: null, view: null };
const past = [];
const future = [];
let mistake = "";
let asked = 0; // number of the last preview

const pose = (frame = look.frame) => doc.poses[frame];
const copied = (frame) => { // from an earlier frame, and not a point of it moved
  const own = JSON.stringify(doc.poses[frame]);
  return doc.poses.slice(0, frame).some((other) => JSON.stringify(other) === own);
};
const whole = (frame) => doc.keypoints.length > 0 && doc.poses[frame].every(Boolean) && !copied(frame);
const missing = () => {
  if (look.next !== null && look.next < doc.keypoints.length && !pose()[look.next]) return look.next;
  return pose().findIndex((place) => !place);
};

function change(edit) {
  past.push(JSON.stringify(doc));
  if (past.length > MOST_UNDO) past.shift();
  future.length = 0;
  edit();
  settle();
}

function settle() {
  mistake = "";
  try { sessionStorage.setItem(location.pathname, JSON.stringify(doc)); } catch { /* a full store */ }
  const count = doc.keypoints.length;
  if (look.point >= count) look.point = null;
  if (look.from >= count) look.from = null;
  look.limb = Math.min(look.limb, doc.limbs.length - 1);
  look.edge = null;
  render();
  preview();
}

function travel(from, to) {
  if (!from.length) return;
  to.push(JSON.stringify(doc));
  doc = JSON.parse(from.pop());
  settle();
}

// ---------------------------------------------------------------- changes

function addKeypoint(place) {
  const taken = new Set(doc.keypoints);
  let n = doc.keypoints.length + 1;
  while (taken.has(`point${n}`)) n += 1;
  change(() => {
    doc.keypoints.push(`point${n}`);
    doc.mirror.push(null);
    doc.poses.forEach((own, frame) => own.push(frame === look.frame ? place : null));
    look.point = null;
  });
  const field = by("keypoints").lastElementChild.querySelector("input");
  field.focus();
  field.select();
}

function placeNext(place) {
  const next = missing();
  if (next >= 0) {
    change(() => { pose()[next] = place; look.point = null; look.next = null; });
  } else if (look.adding) {
    addKeypoint(place);
  } else {
    say("All points are placed. Go to the next frame (N), or let clicks add new keypoints.");
  }
}

function removeKeypoint(k) {
  const after = (n) => (n === null || n === k ? null : n - (n > k));
  change(() => {
    doc.keypoints.splice(k, 1);
    doc.mirror.splice(k, 1);
    doc.mirror = doc.mirror.map(after);
    doc.forward = doc.forward.map(after);
    doc.poses.forEach((own) => own.splice(k, 1));
    for (const limb of doc.limbs) {
      limb.edges = limb.edges.filter((edge) => !edge.includes(k)).map((edge) => edge.map(after));
    }
    look.point = look.from = look.next = null;
  });
}

function removeChosen() {
  if (look.edge) {
    const [limb, n] = look.edge;
    change(() => doc.limbs[limb].edges.splice(n, 1));
  } else if (look.point !== null) {
    const k = look.point;
    const elsewhere = doc.poses.some((own, frame) => frame !== look.frame && own[k]);
    if (elsewhere || !pose()[k]) change(() => { pose()[k] = null; look.point = null; });
    else removeKeypoint(k);
  }
}

function join(a, b) {
  const same = (edge) => edge.includes(a) && edge.includes(b);
  change(() => {
    const limb = doc.limbs.find((own) => own.edges.some(same));
    if (limb) limb.edges = limb.edges.filter((edge) => !same(edge));
    else doc.limbs[look.limb].edges.push([a, b]);
  });
}

function rename(k, name) {
  if (name === doc.keypoints[k]) return;
  change(() => {
    doc.keypoints[k] = name;
    const other = doc.keypoints.indexOf(twin(name));
    if (other >= 0 && other !== k && doc.mirror[k] === null && doc.mirror[other] === null) pair(k, other);
  });
}

function twin(name) { // the name of the same thing on the other side
  const sides = [["left", "right"], ["Left", "Right"], ["l_", "r_"], ["_l", "_r"], ["L_", "R_"], ["_L", "_R"]];
  for (const [a, b] of sides) {
    for (const [own, other] of [[a, b], [b, a]]) {
      const inside = own.startsWith("_") ? name.endsWith(own) : own.endsWith("_") ? name.startsWith(own) : name.includes(own);
      if (inside) return own.startsWith("_") ? name.slice(0, -2) + other : name.replace(own, other);
    }
  }
  return null;
}

function pair(k, other) {
  for (const end of [k, other]) {
    if (end !== null && doc.mirror[end] !== null) doc.mirror[doc.mirror[end]] = null;
    if (end !== null) doc.mirror[end] = null;
  }
  if (other !== null) [doc.mirror[k], doc.mirror[other]] = [other, k];
}

function copyPose() {
  const frames = doc.poses.map((_, n) => n).filter((n) => n !== look.frame && doc.poses[n].some(Boolean));
  if (!frames.length) { say("No other frame is marked yet."); return; }
  const near = frames.reduce((a, b) => (Math.abs(b - look.frame) < Math.abs(a - look.frame) ? b : a));
  change(() => { doc.poses[look.frame] = pose().map((own, k) => own ?? doc.poses[near][k]); });
}

// ---------------------------------------------------------------- looking

function go(frame) {
  if (frame < 0 || frame >= start.frames.length) return;
  const [w, h] = start.frames[look.frame];
  const [nextW, nextH] = start.frames[frame];
  if (frame !== look.frame && doc.keypoints.length) look.adding = false;
  look = { ...look, frame, point: null, edge: null, from: null, next: null };
  if (w !== nextW || h !== nextH) look.view = null;
  mistake = "";
  render();
}

function zoom(factor, at) {
  const view = look.view ?? fitted();
  const [w, h] = start.frames[look.frame];
  const width = Math.min(Math.max(view.w * factor, 12), 3 * Math.max(w, h));
  const ratio = width / view.w;
  const centre = at ?? [view.x + view.w / 2, view.y + view.h / 2];
  look.view = {
    x: centre[0] - (centre[0] - view.x) * ratio, y: centre[1] - (centre[1] - view.y) * ratio,
    w: width, h: view.h * ratio,
  };
  render();
}

function fitted() { // the whole frame, in the shape of the stage
  const [w, h] = start.frames[look.frame];
  const box = stage.getBoundingClientRect();
  const unit = Math.max(w / (box.width || 1), h / (box.height || 1)) * 1.03;
  const [vw, vh] = [unit * (box.width || 1), unit * (box.height || 1)];
  return { x: (w - vw) / 2, y: (h - vh) / 2, w: vw, h: vh };
}

function place(event) { // of a pointer, in pixel indices of the frame
  const box = stage.getBoundingClientRect();
  const view = look.view ?? fitted();
  const unit = view.w / box.width;
  return [view.x + (event.clientX - box.left) * unit - 0.5, view.y + (event.clientY - box.top) * unit - 0.5];
}

const rounded = ([x, y]) => {
  const [w, h] = start.frames[look.frame];
  const within = (value, size) => Math.round(Math.min(Math.max(value, -0.5), size - 0.5) * 100) / 100;
  return [within(x, w), within(y, h)];
};

function say(text, bad = false) {
  by("hint").textContent = text;
  by("hint").className = bad ? "bad" : "";
}

function advice() {
  if (mistake) return say(mistake, true);
  const next = missing();
  const edges = doc.limbs.flatMap((limb) => limb.edges).length;
  if (!doc.keypoints.length) return say("Click the first keypoint in the picture, then type its name.");
  if (look.from !== null) return say(`Join ${doc.keypoints[look.from]} with: choose another point and press J.`);
  if (look.point !== null) return say(`${doc.keypoints[look.point]}: drag it, or click another point to join them; Esc to let go.`);
  if (look.edge) return say("Delete takes this edge away.");
  if (next >= 0) {
    const copy = doc.poses.some((own, n) => n !== look.frame && own.some(Boolean)) ? " C copies the pose from another frame, to be dragged into place." : "";
    return say(`Click where ${doc.keypoints[next]} is.${copy}`);
  }
  if (copied(look.frame)) return say("A copy. Drag its points to where they are in this frame.");
  if (!edges) return say("Click the next keypoint and name it. When all are there, click two points one after the other to join them.");
  if (start.frames.length > 1 && doc.poses.filter((_, n) => whole(n)).length < 3) {
    return say("Good. More frames make a better prior: press N and mark the same points again.");
  }
  say("Ready to save, or mark more frames.");
}

// ---------------------------------------------------------------- drawing

function make(tag, attributes = {}, ...children) {
  const svg = ["g", "line", "circle", "text", "svg"].includes(tag);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "own") node.style.setProperty("--own", value);
    else if (value !== null && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

function colorOf(k) {
  const limb = doc.limbs.find((own) => own.edges.some((edge) => edge.includes(k)));
  return limb ? limb.color : "#ced4da";
}

const ends = (a, b) => ({ x1: a[0] + 0.5, y1: a[1] + 0.5, x2: b[0] + 0.5, y2: b[1] + 0.5 });

function drawStage() {
  const [w, h] = start.frames[look.frame];
  const view = look.view ?? fitted();
  const unit = view.w / (stage.getBoundingClientRect().width || 1);
  stage.setAttribute("viewBox", `${view.x} ${view.y} ${view.w} ${view.h}`);
  const image = by("frame");
  if (image.getAttribute("href") !== `frame/${look.frame}`) image.setAttribute("href", `frame/${look.frame}`);
  image.setAttribute("width", w);
  image.setAttribute("height", h);
  image.style.imageRendering = unit < 0.25 ? "pixelated" : "auto";
  const places = pose();
  by("edges").replaceChildren(...doc.limbs.flatMap((limb, l) => limb.edges.map(([a, b], n) => {
    if (!places[a] || !places[b]) return make("g");
    const at = ends(places[a], places[b]);
    const chosen = look.edge && look.edge[0] === l && look.edge[1] === n;
    return make("g", { class: chosen ? "chosen" : null },
      make("line", { ...at, class: "under" }),
      make("line", { ...at, class: "seen", stroke: limb.color }),
      make("line", { ...at, class: "grip", "data-edge": `${l} ${n}` }));
  })));
  const crowded = places.length > SHOWN_LABELS;
  by("points").replaceChildren(...places.flatMap((own, k) => {
    if (!own) return [];
    const kind = [k === look.point && "chosen", k === look.from && "from", crowded && k !== look.point && "label-off"];
    const [x, y] = [own[0] + 0.5, own[1] + 0.5];
    return [make("g", { class: kind.filter(Boolean).join(" "), own: colorOf(k) },
      make("circle", { cx: x, cy: y, r: 11 * unit, "data-point": k, class: "grip" }),
      make("circle", { cx: x, cy: y, r: 5.5 * unit, "stroke-width": 1.8 * unit, "data-point": k }),
      make("text", { x: x + 9 * unit, y: y - 7 * unit, "font-size": 13 * unit, "stroke-width": 3 * unit }, doc.keypoints[k]))];
  }));
}

function options(chosen, none) {
  const all = [make("option", { value: "" }, none)];
  doc.keypoints.forEach((name, k) => all.push(make("option", { value: k, selected: k === chosen }, name || "?")));
  return all;
}

const picked = (event) => (event.target.value === "" ? null : Number(event.target.value));

function drawKeypoints() {
  const list = by("keypoints");
  const held = list.contains(document.activeElement) ? [...list.querySelectorAll("input, select, button")].indexOf(document.activeElement) : -1;
  const span = held >= 0 && document.activeElement.tagName === "INPUT" ? [document.activeElement.selectionStart, document.activeElement.selectionEnd] : null;
  const next = missing();
  list.replaceChildren(...doc.keypoints.map((name, k) => {
    const placed = Boolean(pose()[k]);
    const chosen = k === look.point || (look.point === null && k === next && next >= 0);
    return make("li", { class: chosen ? "chosen" : null },
      make("button", {
        class: placed ? "dot placed" : "dot", own: colorOf(k), title: placed ? "Choose this point" : "Place this one next",
        "aria-label": `${name}: ${placed ? "choose" : "place next"}`,
        onclick: () => { look.point = placed ? k : null; look.next = placed ? null : k; look.edge = null; render(); stage.focus(); },
      }, String(k + 1)),
      make("input", {
        value: name, maxlength: 64, spellcheck: "false", "aria-label": `Name of keypoint ${k + 1}`,
        onchange: (event) => rename(k, event.target.value.trim().replace(/\s+/g, "_")),
        onkeydown: (event) => { if (event.key === "Enter") { event.target.blur(); stage.focus(); } },
      }),
      make("select", {
        "aria-label": `In a mirror ${name} becomes`, title: "What it becomes in a mirror",
        onchange: (event) => { const other = picked(event); change(() => pair(k, other === k ? null : other)); },
      }, ...options(doc.mirror[k], "no twin")),
      make("button", { class: "away", title: "Take this keypoint away", "aria-label": `Take ${name} away`, onclick: () => removeKeypoint(k) }, "×"));
  }));
  if (held >= 0) {
    const again = list.querySelectorAll("input, select, button")[held];
    if (again) { again.focus(); if (span && again.setSelectionRange) again.setSelectionRange(...span); }
  }
  by("placed").textContent = doc.keypoints.length ? `${pose().filter(Boolean).length} of ${doc.keypoints.length} in this frame` : "";
  by("adding").checked = look.adding;
}

function drawLimbs() {
  by("limbs").replaceChildren(...doc.limbs.map((limb, l) => make("li", { class: l === look.limb ? "chosen" : null },
    make("input", {
      type: "radio", name: "limb", checked: l === look.limb, "aria-label": `New edges go to ${limb.name}`,
      onchange: () => { look.limb = l; render(); },
    }),
    make("input", { type: "color", value: limb.color, "aria-label": `Colour of ${limb.name}`, onchange: (event) => change(() => { limb.color = event.target.value; }) }),
    make("input", { value: limb.name, maxlength: 60, spellcheck: "false", "aria-label": "Name of the limb", onchange: (event) => change(() => { limb.name = event.target.value.trim().replace(/\s+/g, "_"); }) }),
    make("span", { class: "faint" }, `${limb.edges.length}`),
    make("button", { class: "away", title: "Take this limb away", "aria-label": `Take ${limb.name} away`, disabled: doc.limbs.length < 2, onclick: () => change(() => doc.limbs.splice(l, 1)) }, "×"))));
}

function drawStrip() {
  by("strip").hidden = start.frames.length < 2;
  [...by("strip").children].forEach((button, n) => {
    button.toggleAttribute("aria-current", n === look.frame);
    button.className = whole(n) ? "whole" : "";
    const placed = doc.poses[n].filter(Boolean).length;
    button.lastChild.textContent = whole(n) ? "✓" : placed ? `${placed}/${doc.keypoints.length}` : n + 1;
  });
}

function render() {
  drawStage();
  drawKeypoints();
  drawLimbs();
  drawStrip();
  for (const [id, end] of [["tail", 0], ["head", 1]]) by(id).replaceChildren(...options(doc.forward[end], end ? "to" : "from"));
  if (by("name") !== document.activeElement) by("name").value = doc.name;
  for (const radio of document.getElementsByName("rotation")) radio.checked = radio.value === doc.rotation;
  by("undo").disabled = !past.length;
  by("redo").disabled = !future.length;
  by("save").disabled = !doc.poses.some((_, n) => whole(n)) || !doc.limbs.some((limb) => limb.edges.length);
  const marked = doc.poses.filter((_, n) => whole(n)).length;
  by("count").textContent = marked ? `${start.count} poses out of ${marked} marked` : "";
  advice();
}

// ---------------------------------------------------------------- the server

function marked() {
  return {
    name: doc.name, rotation: doc.rotation, keypoints: doc.keypoints,
    forward: doc.forward.includes(null) ? null : doc.forward,
    mirror: doc.mirror.flatMap((other, k) => (other !== null && k < other ? [[k, other]] : [])),
    limbs: doc.limbs.filter((limb) => limb.edges.length),
    poses: doc.poses.map((points, frame) => ({ frame, points })).filter((own) => own.points.some(Boolean) && !copied(own.frame)),
  };
}

async function send(where) {
  const response = await fetch(where, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(marked()) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

async function preview() {
  const own = (asked += 1);
  await new Promise((done) => setTimeout(done, 350));
  if (own !== asked || by("save").disabled) return;
  let answer;
  try { answer = await send("preview"); } catch { return; } // Save will say what is wrong
  if (own !== asked) return;
  by("preview").replaceChildren(...answer.poses.map((places) => {
    const xs = places.map((at) => at[0]);
    const ys = places.map((at) => at[1]);
    const [x, y] = [Math.min(...xs), Math.min(...ys)];
    const size = Math.max(Math.max(...xs) - x, Math.max(...ys) - y, 1) * 1.25;
    const centre = [(Math.max(...xs) + x) / 2, (Math.max(...ys) + y) / 2];
    return make("svg", { viewBox: `${centre[0] - size / 2} ${centre[1] - size / 2} ${size} ${size}`, "aria-hidden": "true" },
      ...doc.limbs.flatMap((limb) => limb.edges.map(([a, b]) => make("line", { ...ends(places[a], places[b]), stroke: limb.color }))));
  }));
}

async function save() {
  by("save").disabled = true;
  try {
    const answer = await send("save");
    by("result").textContent = `${start.output} holds the skeleton, ${start.prior} ${answer.poses} poses made of ${answer.marked}.`;
    by("command").textContent = `keycam train VIDEOS --skeleton ${start.output} --prior ${start.prior} -o run`;
    sessionStorage.removeItem(location.pathname);
    by("done").showModal();
  } catch (error) {
    mistake = error instanceof TypeError ? "keycam does not answer; has it been stopped?" : error.message;
    render();
  }
}

// ---------------------------------------------------------------- hands

let drag = null; // {point or null, from: client place, before: view, moved}

stage.addEventListener("pointerdown", (event) => {
  if (event.button > 1) return;
  stage.setPointerCapture(event.pointerId);
  const { point, edge } = event.target.dataset;
  drag = {
    point: point === undefined ? null : Number(point), edge: edge?.split(" ").map(Number) ?? null,
    from: [event.clientX, event.clientY], before: look.view ?? fitted(), moved: false, first: null,
  };
  stage.focus();
});

stage.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const gone = [event.clientX - drag.from[0], event.clientY - drag.from[1]];
  if (!drag.moved && Math.hypot(...gone) < 4) return;
  if (drag.point !== null) {
    if (!drag.moved) { past.push(JSON.stringify(doc)); future.length = 0; }
    pose()[drag.point] = rounded(place(event));
  } else {
    const unit = drag.before.w / stage.getBoundingClientRect().width;
    look.view = { ...drag.before, x: drag.before.x - gone[0] * unit, y: drag.before.y - gone[1] * unit };
  }
  drag.moved = true;
  drawStage();
});

stage.addEventListener("pointerup", (event) => {
  const own = drag;
  drag = null;
  if (!own) return;
  if (own.moved) { if (own.point !== null) settle(); return; }
  if (own.point !== null) {
    const before = look.point;
    look.point = own.point === before ? null : own.point;
    look.edge = look.from = null;
    if (before !== null && before !== own.point) join(before, own.point);
    else render();
  } else if (own.edge) {
    look.edge = own.edge;
    look.point = null;
    look.limb = own.edge[0];
    render();
  } else if (look.point !== null || look.edge) {
    look.point = look.edge = look.from = null;
    render();
  } else {
    placeNext(rounded(place(event)));
  }
});

stage.addEventListener("pointercancel", () => { drag = null; });
stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  const [x, y] = place(event);
  zoom(Math.exp(Math.sign(event.deltaY) * 0.15), [x + 0.5, y + 0.5]);
}, { passive: false });

function step(by_) {
  const count = doc.keypoints.length;
  if (!pose().some(Boolean)) return;
  let k = look.point ?? (by_ > 0 ? -1 : count);
  do k = (k + by_ + count) % count; while (!pose()[k]);
  look.point = k;
  look.edge = null;
  render();
}

function nudge(x, y, far) {
  const k = look.point;
  if (k === null || !pose()[k]) return;
  const by_ = far ? 10 : 1;
  change(() => { pose()[k] = rounded([pose()[k][0] + x * by_, pose()[k][1] + y * by_]); });
}

const KEYS = {
  "[": () => step(-1), "]": () => step(1),
  ArrowLeft: (event) => nudge(-1, 0, event.shiftKey), ArrowRight: (event) => nudge(1, 0, event.shiftKey),
  ArrowUp: (event) => nudge(0, -1, event.shiftKey), ArrowDown: (event) => nudge(0, 1, event.shiftKey),
  Delete: removeChosen, Backspace: removeChosen,
  Escape: () => { look.point = look.edge = look.from = null; render(); },
  n: () => go(look.frame + 1), p: () => go(look.frame - 1), c: copyPose,
  "+": () => zoom(0.8), "=": () => zoom(0.8), "-": () => zoom(1.25), 0: () => { look.view = null; render(); },
  j: () => {
    if (look.point === null) return;
    if (look.from === null || look.from === look.point) { look.from = look.point; render(); return; }
    const from = look.from;
    look.from = null;
    join(from, look.point);
  },
  Enter: () => {
    const view = look.view ?? fitted();
    placeNext(rounded([view.x + view.w / 2 - 0.5, view.y + view.h / 2 - 0.5]));
  },
};

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && event.target.tagName !== "INPUT") {
    event.preventDefault();
    if (event.shiftKey) travel(future, past); else travel(past, future);
    return;
  }
  const typing = ["INPUT", "SELECT", "BUTTON", "TEXTAREA"].includes(event.target.tagName);
  if (!doc || typing || event.ctrlKey || event.metaKey || event.altKey || by("done").open) return;
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (act) { event.preventDefault(); act(event); }
});

by("undo").onclick = () => travel(past, future);
by("redo").onclick = () => travel(future, past);
by("save").onclick = save;
by("larger").onclick = () => zoom(0.8);
by("smaller").onclick = () => zoom(1.25);
by("fit").onclick = () => { look.view = null; render(); };
by("name").onchange = (event) => change(() => { doc.name = event.target.value.trim().replace(/\s+/g, "_"); });
by("adding").onchange = (event) => { look.adding = event.target.checked; render(); };
by("limb").onclick = () => change(() => {
  const n = doc.limbs.length;
  doc.limbs.push({ name: `limb${n + 1}`, color: COLORS[n % COLORS.length], edges: [] });
  look.limb = n;
});
for (const radio of document.getElementsByName("rotation")) radio.onchange = () => change(() => { doc.rotation = radio.value; });
for (const [id, end] of [["tail", 0], ["head", 1]]) by(id).onchange = (event) => { const k = picked(event); change(() => { doc.forward[end] = k; }); };
new ResizeObserver(() => { if (doc) drawStage(); }).observe(stage);

// ---------------------------------------------------------------- beginning

function fresh() {
  const known = start.skeleton;
  const index = (name) => known.keypoints.indexOf(name);
  const names = known ? known.keypoints : [];
  const mirror = names.map(() => null);
  for (const [a, b] of known?.mirror ?? []) [mirror[index(a)], mirror[index(b)]] = [index(b), index(a)];
  const limbs = (known?.limbs ?? []).map((limb) => {
    const path = limb.path.map(index).concat(limb.closed ? [index(limb.path[0])] : []);
    return { name: limb.name, color: limb.color, edges: path.slice(1).map((k, n) => [path[n], k]) };
  });
  return {
    name: known?.name ?? "mine", rotation: known?.rotation ?? "upright", keypoints: [...names], mirror,
    limbs: limbs.length ? limbs : [{ name: "body", color: COLORS[0], edges: [] }],
    forward: known?.forward ? known.forward.map(index) : [null, null],
    poses: start.frames.map(() => names.map(() => null)),
  };
}

async function begin() {
  start = await (await fetch("start")).json();
  const kept = sessionStorage.getItem(location.pathname);
  doc = kept ? JSON.parse(kept) : fresh();
  look.adding = !start.skeleton;
  by("strip").replaceChildren(...start.frames.map((_, n) => make("button", { title: `Frame ${n + 1}`, "aria-label": `Frame ${n + 1}`, onclick: () => { go(n); stage.focus(); } },
    make("img", { src: `frame/${n}`, alt: "" }), make("span"))));
  settle();
}

begin().catch(() => say("keycam does not answer; has it been stopped?", true));
