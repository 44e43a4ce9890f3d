// Applies the remembered theme before the first paint. A classic script in the head, because modules
// run only after the document was parsed and a dark page would flash white.
(function () {
  try {
    var choice = localStorage.getItem("ranchette.theme");
    if (choice === "dark" || choice === "light") document.documentElement.dataset.theme = choice;
  } catch (error) {
    // Without storage the system's preference decides.
  }
})();
