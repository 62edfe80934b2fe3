"use strict";

// What is looked at, and how it is drawn.

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
