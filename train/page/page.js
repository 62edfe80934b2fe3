"use strict";

// The server, the user's hands, and the beginning.

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
