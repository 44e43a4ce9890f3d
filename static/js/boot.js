// What has to happen before the modules: they run only after the document was parsed, and not at all
// when one of them was lost. A classic script in the head.

// Applies the remembered theme before the first paint: a dark page would flash white.
(function () {
  try {
    var choice = localStorage.getItem("ranchette.theme");
    if (choice === "dark" || choice === "light") document.documentElement.dataset.theme = choice;
  } catch (error) {
    // Without storage the system's preference decides.
  }
})();

// A browser lets go of its requests when the machine's network changes, as it does with every container
// that starts beside it. A page that lost a part that way is asked for again, a few times.
(function () {
  var KEY = "ranchette.reloads";
  var LIMIT = 3;
  var lost = false;
  window.addEventListener(
    "error",
    function (event) {
      var tag = event.target && event.target.tagName;
      if (lost || (tag !== "SCRIPT" && tag !== "LINK")) return;
      lost = true;
      try {
        var tries = Number(sessionStorage.getItem(KEY)) || 0;
        if (tries >= LIMIT) return;
        sessionStorage.setItem(KEY, String(tries + 1));
        location.reload();
      } catch (error) {
        // Without storage nothing can be counted, and a part that is missing for good would never end.
      }
    },
    true,
  );
  window.addEventListener("load", function () {
    try {
      if (!lost) sessionStorage.removeItem(KEY);
    } catch (error) {
      // Nothing was counted either.
    }
  });
})();
