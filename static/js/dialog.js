// Modal dialogs: a button with data-dialog-open="id" opens <dialog id>, data-dialog-close closes the one it is in.
// A dialog inside swapped content that carries data-dialog-auto opens as soon as it arrives.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog-open]");
  if (opener) document.getElementById(opener.dataset.dialogOpen)?.showModal();
  if (event.target.closest("[data-dialog-close]")) event.target.closest("dialog")?.close();
  // A click on the backdrop hits the dialog element itself: the content fills it.
  if (event.target.matches("dialog.modal[open]")) {
    const box = event.target.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside) event.target.close();
  }
});

function openWaiting(root) {
  for (const dialog of root.querySelectorAll("dialog[data-dialog-auto]:not([open])")) dialog.showModal();
}
document.addEventListener("htmx:load", (event) => openWaiting(event.detail.elt.parentElement ?? document));
openWaiting(document);
