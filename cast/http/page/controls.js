// What can be changed of a camera.
import { reasonOf, withToken } from "./api.js";

// showControls fills a form with a stream's controls, whose changes go to the camera at once.
export async function showControls(form, stream) {
  const path = `/api/v1/streams/${stream}/controls`;
  const response = await fetch(withToken(path), { cache: "no-store" });
  if (!response.ok) {
    form.replaceChildren(paragraph(await reasonOf(response)));
    return;
  }
  const { controls } = await response.json();
  const said = paragraph("");
  said.setAttribute("role", "alert");
  const set = async (control, value) => {
    const answer = await fetch(withToken(`${path}/${control.name}`), {
      method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ value }),
    });
    said.textContent = answer.ok ? "" : await reasonOf(answer);
    if (!answer.ok || control.kind !== "integer") showControls(form, stream); // others may have changed with it
  };
  form.replaceChildren(...controls.filter(c => !c.read_only && makers[c.kind]).map(c => row(c, set)), said);
}

function paragraph(text) {
  const p = document.createElement("p");
  p.textContent = text;
  return p;
}

// row is a control with its label.
function row(control, set) {
  const label = document.createElement("label"), name = document.createElement("span"), output = document.createElement("output");
  name.textContent = control.title;
  const input = makers[control.kind](control, value => set(control, value), output);
  input.disabled = control.inactive;
  label.append(name, input, output);
  return label;
}

const makers = {
  integer(control, set, output) {
    const input = document.createElement("input");
    Object.assign(input, { type: "range", min: control.least, max: control.most, step: control.step || 1, value: control.value });
    output.value = control.value;
    input.addEventListener("input", () => { output.value = input.value; });
    input.addEventListener("change", () => set(Number(input.value)));
    return input;
  },
  boolean(control, set) {
    const input = document.createElement("input");
    Object.assign(input, { type: "checkbox", checked: control.value !== 0 });
    input.addEventListener("change", () => set(input.checked ? 1 : 0));
    return input;
  },
  menu(control, set) {
    const select = document.createElement("select");
    select.append(...(control.menu ?? []).map(item => new Option(item.name, item.value, false, item.value === control.value)));
    select.addEventListener("change", () => set(Number(select.value)));
    return select;
  },
  button(control, set) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: "Press" });
    button.addEventListener("click", () => set(1));
    return button;
  },
};
