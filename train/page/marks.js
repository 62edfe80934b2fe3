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
