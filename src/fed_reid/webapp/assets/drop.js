// The drop zone: a picture that is dropped, pasted or chosen travels as part of an event, never as a file of the server.
const input = element.querySelector("#fr-file");
const zone = element.querySelector(".fr-drop");
const limit = Number(props.max_upload);

function take(file) {
  if (!file) return;
  if (file.size > limit) {
    trigger("upload", { name: file.name, too_large: true });
    return;
  }
  const reader = new FileReader();
  reader.onload = () => trigger("upload", { name: file.name, content: reader.result.split(",")[1] || "" });
  reader.readAsDataURL(file);
}

input.addEventListener("change", () => {
  take(input.files[0]);
  input.value = ""; // the same picture may be chosen again
});
for (const name of ["dragenter", "dragover"]) {
  zone.addEventListener(name, (event) => {
    event.preventDefault();
    zone.classList.add("fr-over");
  });
}
for (const name of ["dragleave", "drop"]) {
  zone.addEventListener(name, () => zone.classList.remove("fr-over"));
}
// Anywhere on the page will do; a browser would otherwise leave the page and open the picture.
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  take(event.dataTransfer.files[0]);
});
document.addEventListener("paste", (event) => take([...event.clipboardData.files].find((f) => f.type.startsWith("image/"))));
